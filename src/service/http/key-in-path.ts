import { InvalidKeyError } from '../../core/model/errors.ts';
import { assertKey } from '../../core/model/key.ts';
import { Problem, pathOf } from './problem.ts';

/**
 * Checks that the cache accepts a name.
 * @param place The place in the request where the client has written it.
 * @throws {@link Problem} 400 that says where, and what is wrong.
 */
export function assertName(place: string, what: 'key' | 'tag' | 'pattern', name: string): void {
  try {
    assertKey(name, what);
  } catch (error) {
    if (error instanceof InvalidKeyError) throw new Problem(400, `${place}: ${error.message}`);
    throw error;
  }
}

/**
 * Returns the key at the end of a path, percent-decoded exactly once. It reads the URL as the client sent it, because
 * routers replace bytes that they cannot decode. The result of that would be the key of another entry.
 * @param prefix The beginning of the path, up to the key.
 * @throws {@link Problem} 400
 */
export function keyInPath(prefix: string, url: string): string {
  const path = pathOf(url);
  if (!path.startsWith(prefix) || path.length === prefix.length) {
    throw new Problem(400, 'The path names no key: "." and ".." cannot be written in a path');
  }
  const key = decoded(path.slice(prefix.length));
  assertName('The path', 'key', key);
  return key;
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    throw new Problem(400, 'The key in the path is not percent-encoded UTF-8');
  }
}
