import { InvalidKeyError } from '../../core/model/errors.ts';
import { assertKey } from '../../core/model/key.ts';
import { Problem, pathOf } from './problem.ts';

/**
 * Lets a name through that the cache will take.
 * @param place Where the client has written it.
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
 * The key that a path ends with, percent-decoded exactly once. Read from the URL as it was sent: routers replace what
 * they cannot decode, and that would be somebody else's key.
 * @param prefix What the path begins with, up to the key.
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
