import { type EntryId, namespaceChain, namespaceTag, nestedNamespace, toId } from '../../src/core/model/key.ts';

/** A key of the simulated world: a row of the database, and where it is cached. */
export interface Key {
  /** Of the row: the namespaces and the key. */
  readonly name: string;
  /** The namespaces that it is in, outermost first. */
  readonly path: readonly string[];
  readonly key: string;
  readonly tag: string;
  /** As the cache writes it. */
  readonly id: EntryId;
  /** Of its tag and of the namespaces that it is in, as the cache writes them. */
  readonly tagIds: readonly EntryId[];
  /**
   * Written by `set` as well. Two writers of such a key that cross may leave the older value (the documentation says so),
   * so the world makes them take turns.
   */
  readonly writtenThrough: boolean;
}

function keyOf(name: string, tag: string): Key {
  const path = name.split('/');
  const key = path.pop() ?? '';
  const namespace = path.reduce(nestedNamespace, '');
  const tagIds = [toId(namespace, tag), ...namespaceChain(namespace).map(namespaceTag)];
  return { name, path, key, tag, id: toId(namespace, key), tagIds, writtenThrough: key.startsWith('w') };
}

/** Few, so that operations meet; two share each tag, and the same key is in a namespace and in one inside it. */
export const KEYS: readonly Key[] = [
  keyOf('k0', 'even'),
  keyOf('k1', 'odd'),
  keyOf('k2', 'even'),
  keyOf('w0', 'even'),
  keyOf('w1', 'odd'),
  keyOf('a/k0', 'even'),
  keyOf('a/k1', 'even'),
  keyOf('a/b/k0', 'even'),
];

const BY_NAME = new Map(KEYS.map((key) => [key.name, key]));

export function keyNamed(name: string): Key {
  const key = BY_NAME.get(name);
  if (key === undefined) throw new Error(`There is no key ${name}`);
  return key;
}

/** The name of the key that the cache writes like this. */
export function keyOfId(id: EntryId): string {
  const key = KEYS.find((each) => each.id === id);
  if (key === undefined) throw new Error(`There is no key ${JSON.stringify(id)}`);
  return key.name;
}

/** Matches the keys of {@link KEYS} that are not written through; globs look at one namespace alone. */
export const PATTERN = 'k*';

export type How = 'key' | 'keys' | 'tag' | 'pattern' | 'clear';

/** The key and all others in its namespace, itself first. */
export function neighboursOf(key: Key, all: readonly Key[]): Key[] {
  return [key, ...all.filter((other) => other !== key && other.path.join('/') === key.path.join('/'))];
}

/** The keys that an invalidation of this kind names, of those given. */
export function namedBy(how: How, key: Key, all: readonly Key[]): Key[] {
  switch (how) {
    case 'key':
      return [key];
    case 'keys':
      return neighboursOf(key, all);
    case 'tag':
      return all.filter((other) => other.path.join('/') === key.path.join('/') && other.tag === key.tag);
    case 'pattern':
      return all.filter((other) => other.path.join('/') === key.path.join('/') && other.key.startsWith('k'));
    case 'clear':
      return all.filter(({ path }) => key.path.every((name, depth) => path[depth] === name));
  }
}
