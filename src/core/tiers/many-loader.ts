import { type Duration, toMs } from '../model/duration.ts';
import { InvalidKeyError, InvalidValueError } from '../model/errors.ts';
import { assertTags } from '../model/options.ts';
import type { Clock } from '../primitives/clock.ts';
import { callLoader, type Loaded, type LoadPatience } from './loader.ts';

/** What a loader of many keys is given. */
export interface ManyLoaderContext {
  /** The keys to load, in the order asked; each once. */
  readonly keys: readonly string[];
  /** Aborted at `hardTimeout`, on `close`, and when nobody waits for any of the keys any more. Pass it on. */
  readonly signal: AbortSignal;
  /** By key, the values that this load replaces, where there still is one. */
  readonly stale: ReadonlyMap<string, unknown>;
  /**
   * Sets the TTL of one key's value (adaptive TTL); `0` hands it out without storing it.
   * @throws {@link InvalidKeyError} when the key is not one of {@link keys}; so do the others.
   */
  setTtl(key: string, ttl: Duration): void;
  /** Adds tags that only the value reveals. */
  setTags(key: string, tags: readonly string[]): void;
  /** Hands the value of one key out without storing it anywhere. */
  skip(key: string): void;
}

/**
 * Computes the missing values of many keys at once, as pairs of key and value in any order; a `Map` is such a list. A key
 * that it does not name, or names with `null`, is one that the source has not; of a key named twice the last value counts.
 * At most 10,000 pairs.
 */
export type ManyLoader<V> = (
  context: ManyLoaderContext,
) => Iterable<readonly [key: string, value: V]> | Promise<Iterable<readonly [key: string, value: V]>>;

export interface ManyLoadRequest {
  readonly keys: readonly string[];
  readonly stale: ReadonlyMap<string, unknown>;
  readonly patience: LoadPatience;
  /** Aborted when nobody waits for the load any more. */
  readonly signal: AbortSignal;
}

/**
 * Calls a loader of many keys once; see {@link callLoader}.
 * @returns what it brought of each key.
 * @throws {@link InvalidKeyError} when it names a key that was not asked for, {@link InvalidValueError} when it brings no
 *   list of pairs, {@link LoadTimeoutError} in the name of the first key; else whatever it throws, untouched.
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

/** As many as there may be keys in one call: a list that never ends would hold the process for ever. */
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
    // Keys that come again and again have no end.
    if (pairs > MOST_PAIRS)
      throw new InvalidValueError(`that a loader of many keys brings must be at most ${MOST_PAIRS} pairs`);
  }
  return values;
}
