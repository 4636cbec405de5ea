import { type EntryId, fromId, toId } from '../../../core/model/key.ts';

/** Where everything of one namespace lives in Redis. See {@link keyspace}. */
export interface Keyspace {
  /** Number of the last invalidation. The only key without expiry. */
  readonly sequence: string;
  /** Last accepted heartbeat of any instance that found a generation: the server's time, and that generation. */
  readonly heartbeat: string;
  /** Last accepted heartbeat of any instance that found none. */
  readonly awake: string;
  /** How many marks were wanted, and the latest one. */
  readonly marks: string;
  /** Names all that is here. */
  readonly identity: string;
  /** Channel of the invalidations. */
  readonly bus: string;
  /** The run of the server, and the generation that was agreed for it. */
  readonly generation: string;
  entry(id: EntryId, generation: string): string;
  /** Who refreshes an entry that still holds a value. */
  claim(id: EntryId, generation: string): string;
  tag(id: EntryId, generation: string): string;
  /** Channel of one instance's own heartbeats. */
  echo(instance: string): string;
  /** Prefix of all entries of one namespace: `SCAN`'s pattern without its star, and what {@link idOf} takes away. */
  entries(namespace: string, generation: string): string;
  /** The id of an entry found under {@link entries}. */
  idOf(key: string, namespace: string, generation: string): EntryId;
  /** The id of an entry of any namespace and generation; `undefined` when the key is no entry's. */
  idOfEntry(key: string): EntryId | undefined;
}

/**
 * Names of the keys and channels under a prefix.
 *
 * The braces are a hash tag: whatever braces users' keys hold, the first pair decides the slot, so everything that one
 * script touches lies together. A second shard would be another tag.
 *
 * The length before a namespace keeps namespace `a` with key `b:c` apart from namespace `a:b` with key `c`.
 */
export function keyspace(prefix: string): Keyspace {
  const shard = `{${prefix}}`;
  const scope = (kind: string, namespace: string, generation: string) =>
    `${shard}:${kind}:${generation}:${namespace.length}:${namespace}:`;
  const keyOf = (kind: string) => (id: EntryId, generation: string) => {
    const { namespace, key } = fromId(id);
    return scope(kind, namespace, generation) + key;
  };
  const entries = (namespace: string, generation: string) => scope('e', namespace, generation);
  return {
    sequence: `${shard}:seq`,
    heartbeat: `${shard}:hb`,
    awake: `${shard}:up`,
    marks: `${shard}:mark`,
    identity: `${shard}:id`,
    bus: `${shard}:bus`,
    generation: `${shard}:gen`,
    entry: keyOf('e'),
    claim: keyOf('r'),
    tag: keyOf('t'),
    echo: (instance) => `${shard}:hb:${instance}`,
    entries,
    idOf: (key, namespace, generation) => toId(namespace, key.slice(entries(namespace, generation).length)),
    idOfEntry(key) {
      const prefix = `${shard}:e:`;
      if (!key.startsWith(prefix)) return undefined;
      const [head = '', length = ''] = /^[^:]+:(\d+):/.exec(key.slice(prefix.length)) ?? [];
      const start = prefix.length + head.length;
      const end = start + Number(length);
      return head !== '' && key[end] === ':' ? toId(key.slice(start, end), key.slice(end + 1)) : undefined;
    },
  };
}

/** A pattern for `SCAN` that matches exactly the keys beginning with `prefix`. */
export function scanPattern(prefix: string): string {
  return `${prefix.replace(/[*?[\]\\]/g, '\\$&')}*`;
}
