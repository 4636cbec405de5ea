import { InvalidOptionError } from './model/errors.ts';
import { assertKey, type EntryId, namespaceChain, namespaceTag, toId } from './model/key.ts';
import type { OptionResolvers } from './model/option-resolver.ts';
import { assertTags, type Loader, type ReadOptions, type ResolvedOptions, type WriteOptions } from './model/options.ts';
import type { CacheContext } from './state/context.ts';
import type { ReadRequest, WriteRequest } from './state/request.ts';
import { WRITES_PER_PACKET } from './write/set-many.ts';

/** Largest number of keys in one call. A caller with more of them splits the work into several calls. */
export const MAX_KEYS = 10_000;

/** Number of keys that share the time budget of one key. More keys get more time in proportion. */
const KEYS_PER_BUDGET = 100;

/** Longest time budget for L2, for any number of keys. A hung L2 must be noticed. */
const LONGEST_BUDGET_MS = 2_000;

/** Makes requests from the arguments of calls in one namespace: checked, and with every default filled in. */
export class Requests {
  /** The tags of the namespace and of all namespaces around it. */
  readonly namespaceTags: readonly EntryId[];
  readonly #context: CacheContext;
  readonly #options: OptionResolvers;
  readonly #namespace: string;
  /** Tag ids of the latest options. Most call sites pass the same options again. */
  #last: { readonly options: ResolvedOptions; readonly tagIds: readonly EntryId[] } | undefined;

  constructor(context: CacheContext, options: OptionResolvers, namespace: string) {
    this.namespaceTags = namespaceChain(namespace).map(namespaceTag);
    this.#context = context;
    this.#options = options;
    this.#namespace = namespace;
  }

  read(key: string, loader: Loader<unknown>, options: ReadOptions | undefined): ReadRequest {
    assertKey(key);
    assertLoader(loader);
    return this.#read(key, loader, this.#options.reads.resolve(options));
  }

  /** Returns one request for each key, in the order asked. A key that is named twice gets two. */
  readMany(keys: readonly string[], options: ReadOptions | undefined): ReadRequest[] {
    assertMany('keys', keys);
    for (const key of keys) assertKey(key);
    const resolved = forMany(this.#options.reads.resolve(options), keys.length);
    return keys.map((key) => this.#read(key, loadsOthers, resolved));
  }

  write<V>(key: string, value: V, options: WriteOptions<V> | undefined): WriteRequest {
    return this.#write(key, value, this.#options.writes.resolve(options));
  }

  /** Returns one request for each entry, in the order given. */
  writeMany<V>(
    entries: Iterable<readonly [key: string, value: V]>,
    options: WriteOptions<V> | undefined,
  ): WriteRequest[] {
    const pairs = pairsOf(entries);
    const resolved = forMany(this.#options.writes.resolve(options), Math.min(pairs.length, WRITES_PER_PACKET));
    return pairs.map(([key, value]) => this.#write(key, value, resolved));
  }

  #read(key: string, loader: Loader<unknown>, options: ResolvedOptions): ReadRequest {
    const namespace = this.#namespace;
    return {
      key,
      namespace,
      id: toId(namespace, key),
      loader,
      options,
      tagIds: this.#tagIds(options),
      counters: this.#context.counters.of(key),
    };
  }

  #tagIds(options: ResolvedOptions): readonly EntryId[] {
    if (options.tags.length === 0) return this.namespaceTags;
    if (this.#last?.options === options) return this.#last.tagIds;
    const tagIds = [...this.namespaceTags, ...options.tags.map((tag) => toId(this.#namespace, tag))];
    this.#last = { options, tagIds };
    return tagIds;
  }

  #write(key: unknown, value: unknown, options: ResolvedOptions): WriteRequest {
    assertKey(key);
    const own = options.tagsOf?.(value) ?? options.tags;
    assertTags(own);
    const tagIds = [...new Set([...this.namespaceTags, ...own.map((tag) => toId(this.#namespace, tag))])];
    const { codec, counters } = this.#context;
    const written = codec.written(value, key);
    return { key, id: toId(this.#namespace, key), value: written, options, tagIds, counters: counters.of(key) };
  }
}

/**
 * Returns true when a call asks for a fresh value. Options that throw when they are read count as true: the later step
 * that resolves them rejects with their error.
 */
export function asksForFresh(options: Pick<ReadOptions, 'forceFresh'> | undefined): boolean {
  try {
    return options?.forceFresh === true;
  } catch {
    return true;
  }
}

/**
 * Checks that a loader is a function.
 * @throws {@link InvalidOptionError} otherwise.
 */
export function assertLoader(loader: unknown): void {
  if (typeof loader !== 'function') throw new InvalidOptionError('loader', loader, 'a function');
}

/** Stands in as the loader of each key of one call: the call loads its keys together. */
const loadsOthers: Loader<unknown> = () => null;

/**
 * Checks a list of keys or entries.
 * @throws {@link InvalidOptionError} unless it is an array of at most {@link MAX_KEYS}.
 */
export function assertMany(option: 'keys' | 'entries', given: unknown): asserts given is readonly unknown[] {
  if (!Array.isArray(given)) throw new InvalidOptionError(option, given, 'an array');
  if (given.length > MAX_KEYS) throw new InvalidOptionError(option, given.length, `at most ${MAX_KEYS} in one call`);
}

function pairsOf(entries: unknown): (readonly [key: unknown, value: unknown])[] {
  const wanted = 'a list of [key, value] pairs';
  if (typeof entries !== 'object' || entries === null || !(Symbol.iterator in entries))
    throw new InvalidOptionError('entries', entries, wanted);
  const pairs: (readonly [unknown, unknown])[] = [];
  for (const pair of entries as Iterable<unknown>) {
    if (!Array.isArray(pair)) throw new InvalidOptionError('entries', pair, wanted);
    pairs.push([pair[0], pair[1]]);
    if (pairs.length > MAX_KEYS)
      throw new InvalidOptionError('entries', pairs.length, `at most ${MAX_KEYS} in one call`);
  }
  return pairs;
}

/** Returns the options with a time budget for L2 that fits the number of keys. */
function forMany(options: ResolvedOptions, keys: number): ResolvedOptions {
  const { l2TimeoutMs } = options;
  const inProportion = (l2TimeoutMs * keys) / KEYS_PER_BUDGET;
  return { ...options, l2TimeoutMs: Math.max(l2TimeoutMs, Math.min(inProportion, LONGEST_BUDGET_MS)) };
}
