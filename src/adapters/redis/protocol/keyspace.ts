import { createHash } from 'node:crypto';
import { type EntryId, fromId, toId } from '../../../core/model/key.ts';
import type { CacheIdentity } from '../../../core/ports/cache-identity.ts';
import { RECORD_FORMAT } from './stored-record.ts';

/** Names of everything that one cache has in one bucket of Redis. See {@link keyspace}. */
export interface Keyspace {
  readonly namespace: string;
  /** Number of the database in which everything lies. */
  readonly database: number;
  /**
   * Hash with the number of the last invalidation, the generation, the marks, the identity and the last heartbeats. It is
   * the only key without expiry.
   */
  readonly history: string;
  /** Begins every key and channel. */
  readonly bucket: string;
  /** Channel of the invalidations. */
  readonly bus: string;
  /** Format and version of the records that this cache reads and writes; see {@link shapeOf}. */
  readonly shape: string;
  entry(id: EntryId, generation: string): string;
  /** The same entry as caches of another shape have it. */
  entryOf(shape: string, id: EntryId, generation: string): string;
  /** Names the instance that refreshes an entry which still holds a value. */
  claim(id: EntryId, generation: string): string;
  tag(id: EntryId, generation: string): string;
  /** Names the instance that removes what lies in other generations than this one. */
  sweep(generation: string): string;
  /** The generation of an entry, a claim or a tag of any shape; `undefined` when the key is none of these. */
  generationOf(key: string): string | undefined;
  /** Channel of one instance's own heartbeats. */
  echo(instance: string): string;
  /** A pattern for `SCAN` that matches all entries of one namespace and generation, of every shape, and maybe others. */
  entriesPattern(namespace: string, generation: string): string;
  /** The id of an entry of that namespace and generation, of any shape; `undefined` when the key is no such entry's. */
  idOf(key: string, namespace: string, generation: string): EntryId | undefined;
  /** The id of an entry of any shape, namespace and generation; `undefined` when the key is no entry's. */
  idOfEntry(key: string): EntryId | undefined;
}

/** Knows the keyspace of the cache that starts a tier or a bus. A tier and a bus that were made together have the same one. */
export interface Naming {
  keyspaceOf(cache: CacheIdentity): Keyspace;
}

/** The fields of {@link Keyspace.history}. Readers ignore what follows the parts that they know. */
export const HISTORY = {
  /** Number of the last invalidation. */
  number: 'number',
  /** The run of the server, the generation that was agreed for it, the term of that, and the shapes that may lie there. */
  generation: 'generation',
  /** The run of the server, how many marks were wanted, and the latest one. */
  marks: 'marks',
  /** Names all that is here. */
  identity: 'identity',
  /** Last accepted heartbeat of any instance that found a generation: the server's time, that generation, its shapes. */
  heartbeat: 'heartbeat',
  /** The server's time at the last accepted heartbeat of any instance that found no generation. */
  awake: 'awake',
  /** The records that were broken in Redis and have begun anew, until a heartbeat tells of it; empty then. */
  mended: 'mended',
  /** The run of the server, and the generation that instances believe in it, with all repairs done. */
  vouched: 'vouched',
} as const;

/** Shapes of which records may lie in one generation: an invalidation looks for each of them. */
export const MOST_SHAPES = 8;

/** Beyond these, no instance has written what stands in a history. */
export const LONGEST = {
  /** Numbers stay exact in every double, with room above for those that are counted from here. */
  number: 9e15,
  /** Milliseconds of a clock, which no clock shows for 140,000 years. */
  term: 2 ** 52,
  /** A token has 22 characters. */
  generation: 64,
  shape: 48,
  /** {@link MOST_SHAPES} shapes and the commas between them. */
  shapes: MOST_SHAPES * 49,
  identity: 64,
} as const;

/** One server has one bucket. */
const BUCKET = 0;

/**
 * Names of the keys and channels of one cache. `docs/protocol.md` has them in a table.
 *
 * The braces are a hash tag: whatever braces users' keys hold, the first pair decides the slot, so everything that one
 * script touches lies together.
 *
 * Entries and claims carry the shape of their records, so a reader never meets a record that it cannot read. Tags and the
 * history belong to all shapes.
 *
 * The length before a namespace keeps namespace `a` with key `b:c` apart from namespace `a:b` with key `c`.
 *
 * Channels carry the number of the database, because Redis's channels belong to all databases of a server.
 */
export function keyspace(
  namespace: string,
  cache: Pick<CacheIdentity, 'version' | 'format'>,
  database: number,
): Keyspace {
  const bucket = `{${namespace}.${BUCKET}}`;
  const shape = shapeOf(cache);
  const entryPrefix = `${bucket}:e:`;
  const keyOf = (prefix: string) => (id: EntryId, generation: string) => {
    const { namespace: inner, key } = fromId(id);
    return scope(prefix, inner, generation) + key;
  };
  return {
    namespace,
    database,
    bucket,
    history: `${bucket}:history`,
    bus: `${bucket}:bus:${database}`,
    shape,
    entry: keyOf(`${entryPrefix}${shape}:`),
    entryOf: (other, id, generation) => keyOf(`${entryPrefix}${other}:`)(id, generation),
    claim: keyOf(`${bucket}:r:${shape}:`),
    tag: keyOf(`${bucket}:t:`),
    sweep: (generation) => `${bucket}:sweep:${generation}`,
    generationOf(key) {
      if (!key.startsWith(`${bucket}:`)) return undefined;
      const [, ofRecord, ofTag] = OF_GENERATION.exec(key.slice(bucket.length)) ?? [];
      return ofRecord ?? ofTag;
    },
    echo: (instance) => `${bucket}:echo:${database}:${instance}`,
    entriesPattern: (inner, generation) =>
      `${escapePattern(entryPrefix)}*${escapePattern(scope(':', inner, generation))}*`,
    idOf(key, inner, generation) {
      const shapeEnd = key.indexOf(':', entryPrefix.length);
      const prefix = scope(':', inner, generation);
      if (!key.startsWith(entryPrefix) || !key.startsWith(prefix, shapeEnd)) return undefined;
      return toId(inner, key.slice(shapeEnd + prefix.length));
    },
    idOfEntry(key) {
      if (!key.startsWith(entryPrefix)) return undefined;
      const [head = '', length = ''] = /^[^:]+:[^:]+:(\d+):/.exec(key.slice(entryPrefix.length)) ?? [];
      const start = entryPrefix.length + head.length;
      const end = start + Number(length);
      return head !== '' && key[end] === ':' ? toId(key.slice(start, end), key.slice(end + 1)) : undefined;
    },
  };
}

/** Kind, shape and generation of an entry or claim, or kind and generation of a tag. */
const OF_GENERATION = /^:(?:[er]:[^:]+:([^:]+)|t:([^:]+)):/;

function scope(prefix: string, namespace: string, generation: string): string {
  return `${prefix}${generation}:${namespace.length}:${namespace}:`;
}

/** Versions that stand in a key as they are. */
const READABLE = /^[\w.-]{1,32}$/;

/** 128 bits in base64url. */
const DIGEST_LENGTH = 22;

/**
 * Names what a reader must know to read a record: `<record format>.<body format>`, and `.<version>` where there is one.
 * A version that is long or holds other characters than letters, digits, `_`, `.` and `-` is named by `~` and its digest.
 * A shape holds at most 48 characters, and neither blanks nor commas nor colons.
 */
export function shapeOf({ version, format }: Pick<CacheIdentity, 'version' | 'format'>): string {
  const formats = `${RECORD_FORMAT}.${format}`;
  if (version === '') return formats;
  if (READABLE.test(version)) return `${formats}.${version}`;
  const digest = createHash('sha256').update(version).digest('base64url');
  return `${formats}.~${digest.slice(0, DIGEST_LENGTH)}`;
}

/** A text as a pattern that matches it alone. */
export function escapePattern(text: string): string {
  return text.replace(/[*?[\]\\]/g, '\\$&');
}
