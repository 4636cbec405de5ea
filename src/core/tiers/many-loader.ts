import { type Duration, toMs } from '../model/duration.ts';
import { InvalidKeyError, InvalidValueError } from '../model/errors.ts';
import { assertTags } from '../model/options.ts';
import type { Clock } from '../primitives/clock.ts';
import { callLoader, type Loaded, type LoadPatience } from './loader.ts';

/** The context of a call of a loader of many keys. */
export interface ManyLoaderContext {
  /** The keys to load, each once, in the order in which the caller gave them. */
  readonly keys: readonly string[];
  /** Aborted at `hardTimeout`, on `close`, and when the last caller of all the keys has left. Pass it on. */
  readonly signal: AbortSignal;
  /** The values that this load replaces, by key. A key without such a value is absent. */
  readonly stale: ReadonlyMap<string, unknown>;
  /**
   * Sets the TTL of one key's value (adaptive TTL). With `0` callers get the value and it is not stored.
   * @throws {@link InvalidKeyError} when the key is not one of {@link keys}. The other methods do the same.
   */
  setTtl(key: string, ttl: Duration): void;
  /** Adds tags to one key's value that only the value reveals. */
  setTags(key: string, tags: readonly string[]): void;
  /** Gives the value of one key to its callers without storing it. */
  skip(key: string): void;
}

/**
 * Loads the missing values of many keys at once. It returns pairs of key and value in any order; a `Map` is such a
 * list. A key that is missing in the list, or has `null`, counts as absent in the source. Of a key named twice the last
 * value counts. At most 10,000 pairs.
 */
export type ManyLoader<V> = (
  context: ManyLoaderContext,
) => Iterable<readonly [key: string, value: V]> | Promise<Iterable<readonly [key: string, value: V]>>;

export interface ManyLoadRequest {
  readonly keys: readonly string[];
  readonly stale: ReadonlyMap<string, unknown>;
  readonly patience: LoadPatience;
  /** Aborted when the last caller has left. */
  readonly signal: AbortSignal;
}

/**
 * Calls a loader of many keys once; see {@link callLoader}.
 * @returns a function that gives the loaded value of each key.
 * @throws {@link InvalidKeyError} when it names a key that was not asked for; {@link InvalidValueError} when it does
 *   not return a list of pairs; {@link LoadTimeoutError} that names the first key; otherwise the loader's own error,
 *   unchanged.
 */
export async function runManyLoader(
  clock: Clock,
  loader: ManyLoader<unknown>,
  { keys, stale, patience, signal }: ManyLoadRequest,
): Promise<(key: string) => Loaded> {
  const known = new Set(keys);
  const ttls = new Map<string, number>();
  const tags = new Map<string, Set<string>>();
  const skipped = new Set<string>();
  const contextOf = (loading: AbortSignal): ManyLoaderContext => ({
    keys,
    signal: loading,
    stale,
    setTtl(key, ttl) {
      assertAsked(known, key);
      ttls.set(key, toMs(ttl, 'setTtl'));
    },
    setTags(key, more) {
      assertAsked(known, key);
      assertTags(more);
      tags.set(key, new Set([...(tags.get(key) ?? []), ...more]));
    },
    skip(key) {
      assertAsked(known, key);
      skipped.add(key);
    },
  });
  const load = async (loading: AbortSignal) => valuesOf(await loader(contextOf(loading)), known);
  const request = { key: keys[0] ?? '', patience, signal };
  const { value: values, beganAt, endedAt } = await callLoader(clock, request, load);
  return (key) => ({
    value: values.has(key) ? values.get(key) : null,
    ttlMs: ttls.get(key),
    tags: [...(tags.get(key) ?? [])],
    skipped: skipped.has(key),
    beganAt,
    endedAt,
  });
}

/** The most pairs of one list, equal to the most keys of one call. An endless list would hold the process for ever. */
const MOST_PAIRS = 10_000;

function assertAsked(known: ReadonlySet<string>, key: unknown): asserts key is string {
  if (typeof key !== 'string' || !known.has(key))
    throw new InvalidKeyError('key', key, 'is not one that the loader was asked for');
}

function valuesOf(brought: unknown, known: ReadonlySet<string>): ReadonlyMap<string, unknown> {
  if (typeof brought !== 'object' || brought === null || !(Symbol.iterator in brought))
    throw new InvalidValueError('that a loader of many keys brings must be a list of [key, value] pairs');
  const values = new Map<string, unknown>();
  let pairs = 0;
  for (const pair of brought as Iterable<unknown>) {
    if (!Array.isArray(pair))
      throw new InvalidValueError('that a loader of many keys lists must be a [key, value] pair');
    const [key, value] = pair;
    assertAsked(known, key);
    values.set(key, value);
    pairs += 1;
    // A list may repeat keys without an end.
    if (pairs > MOST_PAIRS)
      throw new InvalidValueError(`that a loader of many keys brings must be at most ${MOST_PAIRS} pairs`);
  }
  return values;
}
