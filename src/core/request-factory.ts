import { InvalidOptionError } from './model/errors.ts';
import { assertKey, type EntryId, namespaceChain, namespaceTag, toId } from './model/key.ts';
import type { OptionResolvers } from './model/option-resolver.ts';
import { assertTags, type Loader, type ReadOptions, type ResolvedOptions, type WriteOptions } from './model/options.ts';
import type { CacheContext } from './state/context.ts';
import type { ReadRequest, WriteRequest } from './state/request.ts';
import { WRITES_PER_PACKET } from './write/set-many.ts';

/** Keys of one call for many: more are no call but a job, which is better done in pieces. */
export const MAX_KEYS = 10_000;

/** So many keys are given as long as one; more are given longer in proportion. */
const KEYS_PER_BUDGET = 100;

/** But never longer than this: a hung L2 must be noticed, however many keys wait for it. */
const LONGEST_BUDGET_MS = 2_000;

/** Makes requests of what callers say within one namespace: checked, and with every default filled in. */
export class Requests {
  /** Those of the namespace and all that it is inside of. */
  readonly namespaceTags: readonly EntryId[];
  readonly #context: CacheContext;
  readonly #options: OptionResolvers;
  readonly #namespace: string;
  /** Of the options that came last: a call site mostly hands in the same again. */
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

  /** One request for each key, in the order asked; a key that is named twice comes twice. */
  readMany(keys: readonly string[], options: ReadOptions | undefined): ReadRequest[] {
    assertMany('keys', keys);
    for (const key of keys) assertKey(key);
    const resolved = forMany(this.#options.reads.resolve(options), keys.length);
    return keys.map((key) => this.#read(key, loadsOthers, resolved));
  }

  write<V>(key: string, value: V, options: WriteOptions<V> | undefined): WriteRequest {
    return this.#write(key, value, this.#options.writes.resolve(options));
  }

  /** One request for each entry, in the order given. */
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

/** Options that throw when they are read count as yes: who resolves them next hears of it, and rejects with it. */
export function asksForFresh(options: Pick<ReadOptions, 'forceFresh'> | undefined): boolean {
  try {
    return options?.forceFresh === true;
  } catch {
    return true;
  }
}

/** @throws {@link InvalidOptionError} unless it is a function. */
export function assertLoader(loader: unknown): void {
  if (typeof loader !== 'function') throw new InvalidOptionError('loader', loader, 'a function');
}

/** The keys of one call are loaded together; none has a loader of its own. */
const loadsOthers: Loader<unknown> = () => null;

/** @throws {@link InvalidOptionError} unless it is an array of at most {@link MAX_KEYS}. */
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

/** With a time budget for L2 that fits so many keys at once. */
function forMany(options: ResolvedOptions, keys: number): ResolvedOptions {
  const { l2TimeoutMs } = options;
  const inProportion = (l2TimeoutMs * keys) / KEYS_PER_BUDGET;
  return { ...options, l2TimeoutMs: Math.max(l2TimeoutMs, Math.min(inProportion, LONGEST_BUDGET_MS)) };
}
