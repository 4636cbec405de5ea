import { InvalidationCalls } from './invalidation-calls.ts';
import { detached } from './model/arguments.ts';
import type { Entry } from './model/entry.ts';
import type { Cached, Defined, Form } from './model/json-types.ts';
import { assertKey, type EntryId, nestedNamespace, toId } from './model/key.ts';
import type { Lookup } from './model/lookup.ts';
import type { OptionResolvers } from './model/option-resolver.ts';
import type { Loader, ReadOptions, WriteOptions } from './model/options.ts';
import { ignore } from './primitives/quietly.ts';
import { getFresh, getFreshMany } from './read/get.ts';
import { lookUp } from './read/get-or-set.ts';
import { getOrSetMany, lookupMany } from './read/get-or-set-many.ts';
import { countMatching, type Inspection, inspect } from './read/inspect.ts';
import { freshOf, hitOf } from './read/l1-hit.ts';
import { hitLookup } from './read/lookup-result.ts';
import { warm } from './read/warm.ts';
import {
  assertItem,
  assertItems,
  resolveWarmOptions,
  type WarmItem,
  type WarmOptions,
  type WarmResult,
} from './read/warm-options.ts';
import { asksForFresh, assertLoader, assertMany, Requests } from './request-factory.ts';
import type { CacheContext } from './state/context.ts';
import type { ReadRequest } from './state/request.ts';
import type { ManyLoader } from './tiers/many-loader.ts';
import type { InvalidateOptions, InvalidateRequest, InvalidateResult } from './write/invalidate.ts';
import { write } from './write/set.ts';
import { setMany } from './write/set-many.ts';

/** Whether the cache is open. */
interface Openness {
  assertOpen(): void;
  readonly closing: AbortSignal;
}

/**
 * The calls of a cache that concern entries, within one namespace.
 * @typeParam F How values come out; `createCache` tells it from its options.
 */
export class CacheView<out F extends Form = 'frozen'> {
  readonly #context: CacheContext;
  readonly #options: OptionResolvers;
  readonly #lifecycle: Openness;
  readonly #namespace: string;
  /** Before a key it makes the entry's id. */
  readonly #idPrefix: string;
  readonly #ids = new Map<string, EntryId>();
  readonly #requests: Requests;
  readonly #invalidations: InvalidationCalls;

  constructor(context: CacheContext, options: OptionResolvers, lifecycle: Openness, namespace: string) {
    this.#context = context;
    this.#options = options;
    this.#lifecycle = lifecycle;
    this.#namespace = namespace;
    this.#idPrefix = toId(namespace, '');
    this.#requests = new Requests(context, options, namespace);
    const { l2TimeoutMs } = options.defaults;
    this.#invalidations = new InvalidationCalls(context, namespace, l2TimeoutMs, () => lifecycle.assertOpen());
  }

  /**
   * The value of a key: from L1, else from L2, else from the loader, whose answer then fills both.
   * Concurrent callers of a key share one load, in this process and, by a lease in L2, in the fleet.
   * @param loader Its errors reach every waiting caller as thrown. `null` means that the source has none.
   * @returns a deeply frozen value (see `freeze`), the same object for every caller.
   * @throws {@link InvalidKeyError}, {@link InvalidOptionError}, {@link InvalidValueError}, {@link LoadTimeoutError},
   *   {@link LoadCycleError}, {@link CacheClosedError}, or what the loader threw. Never because a tier failed.
   */
  getOrSet<V>(key: string, loader: Loader<V> & Defined<V>, options?: ReadOptions<V>): Promise<Cached<V, F>> {
    if (this === undefined) return Promise.reject(detached('getOrSet'));
    const hit = asksForFresh(options) ? undefined : this.#hit(key);
    if (hit !== undefined) return Promise.resolve(hit.value as Cached<V, F>);
    return this.#lookUp(key, loader, options, 'value') as Promise<Cached<V, F>>;
  }

  /** {@link getOrSet}, with the answer's origin, age and the steps that were taken. */
  lookup<V>(key: string, loader: Loader<V> & Defined<V>, options?: ReadOptions<V>): Promise<Lookup<Cached<V, F>>> {
    if (this === undefined) return Promise.reject(detached('lookup'));
    const hit = asksForFresh(options) ? undefined : this.#hitLookup<V>(key);
    if (hit !== undefined) return Promise.resolve(hit);
    return this.#lookUp(key, loader, options, 'lookup') as Promise<Lookup<Cached<V, F>>>;
  }

  /** The fresh value of a key, or `undefined`. Never loads, never serves stale. */
  async get<V = unknown>(key: string): Promise<Cached<V, F> | undefined> {
    CacheView.#own(this, 'get');
    return (await getFresh(this.#context, this.#request(key, neverLoads, undefined))) as Cached<V, F> | undefined;
  }

  /**
   * {@link get} from L1 alone, synchronously. Nothing found counts as a miss, unless another call for the key follows, which
   * counts what comes of it: `peek(key) ?? (await getOrSet(key, load))` is one question.
   */
  peek<V = unknown>(key: string): Cached<V, F> | undefined {
    if (this === undefined) throw detached('peek');
    const hit = this.#hit(key);
    if (hit !== undefined) return hit.value as Cached<V, F>;
    assertKey(key);
    const entry = freshOf(this.#context, this.#idPrefix + key, key);
    if (entry === undefined) this.#context.counters.peekMissed(this.#idPrefix + key);
    return entry?.value as Cached<V, F> | undefined;
  }

  /**
   * {@link lookup} from L1 alone, synchronously: for callers to whom a promise costs more than the answer. Counted as
   * {@link peek}.
   */
  peekLookup<V = unknown>(key: string): Lookup<Cached<V, F>> | undefined {
    if (this === undefined) throw detached('peekLookup');
    const lookup = this.#hitLookup<V>(key);
    if (lookup !== undefined) return lookup;
    assertKey(key);
    this.#context.counters.peekMissed(this.#idPrefix + key);
    return undefined;
  }

  /** Whether {@link get} would answer. */
  async has(key: string): Promise<boolean> {
    CacheView.#own(this, 'has');
    return (await this.get(key)) !== undefined;
  }

  /**
   * Stores a value in both tiers; other processes drop theirs. The last call wins, or with `version` the greatest.
   * After a change in the database prefer {@link delete}: two writers that cross here may leave the older value.
   * @returns whether the value is stored for good: `false` for an older `version`; when L2 could not be told (the key is
   *   then a pending invalidation, so nobody serves the old value for longer than it takes to deliver it); and when the
   *   outbox could not be told (the value is served, and the order is written as soon as the database answers).
   * @throws {@link InvalidValueError}, {@link InvalidKeyError}, {@link InvalidOptionError}.
   */
  async set<V>(key: string, value: V & Defined<V>, options?: WriteOptions<V>): Promise<boolean> {
    CacheView.#open(this, 'set');
    return write(this.#context, this.#requests.write(key, value, options));
  }

  /**
   * {@link get} of many keys at once, in the order asked: what L1 does not hold is read in one round trip.
   * @param keys At most 10,000; `l2Timeout` counts once for each 100 of them, up to 2 s.
   * @throws {@link InvalidKeyError}, {@link InvalidOptionError}, {@link CacheClosedError}.
   */
  async getMany<V = unknown>(keys: readonly string[]): Promise<(Cached<V, F> | undefined)[]> {
    CacheView.#open(this, 'getMany');
    return (await getFreshMany(this.#context, this.#requests.readMany(keys, undefined))) as (
      | Cached<V, F>
      | undefined
    )[];
  }

  /**
   * {@link getOrSet} of many keys at once, in the order asked: L1 first, then one question to L2, then one call of the
   * loader for all keys that this call has to load. Each key is shared with the other callers of that key, and leased in
   * the fleet, as if it were alone. One that somebody else is loading holds up nobody: should it have to be loaded here
   * after all, because that other has failed, the loader is called again for it.
   * @param keys At most 10,000; `l2Timeout` counts once for each 100 of them, up to 2 s.
   * @param loader Answers pairs of key and value, in any order; a key that it leaves out is one that the source has not.
   * @example
   * const products = await cache.getOrSetMany(
   *   ids.map((id) => `product:${id}`),
   *   async ({ keys }) => (await loadProducts(keys)).map((product) => [`product:${product.id}`, product] as const),
   *   { ttl: '5m', tags: (product) => (product === null ? ['products'] : ['products', `org:${product.org}`]) },
   * );
   * @throws when all keys have settled, the first error in their order; what could be loaded is stored all the same. As
   *   {@link getOrSet}; a loader that throws fails every key that it was to load, unless a stale value answers.
   */
  async getOrSetMany<V>(
    keys: readonly string[],
    loader: ManyLoader<V> & Defined<V>,
    options?: ReadOptions<NoInfer<V> | null>,
  ): Promise<(Cached<V, F> | null)[]> {
    CacheView.#own(this, 'getOrSetMany');
    return (await getOrSetMany(this.#context, this.#many(keys, loader, options), loader)) as (Cached<V, F> | null)[];
  }

  /** {@link getOrSetMany}, with each answer's origin, age and the steps that were taken. */
  async lookupMany<V>(
    keys: readonly string[],
    loader: ManyLoader<V> & Defined<V>,
    options?: ReadOptions<NoInfer<V> | null>,
  ): Promise<Lookup<Cached<V, F> | null>[]> {
    CacheView.#own(this, 'lookupMany');
    return (await lookupMany(this.#context, this.#many(keys, loader, options), loader)) as Lookup<Cached<
      V,
      F
    > | null>[];
  }

  /**
   * {@link set} of many entries, sent together. Every entry is checked before the first is stored.
   * @param entries Pairs of key and value, at most 10,000; a `Map` is such a list. Of a key named twice the last counts.
   *   500 go in one packet, for which `l2Timeout` counts once for each 100.
   * @returns whether each is stored, in the order given.
   * @throws {@link InvalidValueError}, {@link InvalidKeyError}, {@link InvalidOptionError}: then nothing was stored.
   */
  async setMany<V>(entries: Iterable<readonly [key: string, value: V]>, options?: WriteOptions<V>): Promise<boolean[]> {
    CacheView.#open(this, 'setMany');
    return setMany(this.#context, this.#requests.writeMany(entries, options));
  }

  /** {@link delete} of at most 10,000 keys, as one invalidation. */
  async deleteMany(keys: readonly string[], options?: InvalidateOptions): Promise<void> {
    CacheView.#own(this, 'deleteMany');
    assertMany('keys', keys);
    await this.invalidate({ keys }, options);
  }

  /**
   * Removes a key: from L2 and this process when it resolves, from other processes' L1 normally within 5 ms, at worst
   * within the bound D. A load that is under way cannot bring the old value back.
   * @throws {@link InvalidationPendingError} when L2 or the outbox could not be told.
   */
  async delete(key: string, options?: InvalidateOptions): Promise<void> {
    CacheView.#own(this, 'delete');
    await this.invalidate({ keys: [key] }, options);
  }

  /** Marks a key as stale everywhere: the next read loads; the old value stays for `staleIfError`. As {@link delete}. */
  async expire(key: string, options?: InvalidateOptions): Promise<void> {
    CacheView.#own(this, 'expire');
    await this.invalidate({ keys: [key], mode: 'expire' }, options);
  }

  /**
   * Invalidates keys, tags and a pattern in one order. As {@link delete}.
   * @throws {@link InvalidationPendingError}, {@link InvalidKeyError}, {@link InvalidOptionError}.
   */
  async invalidate(request: InvalidateRequest, options?: InvalidateOptions): Promise<InvalidateResult> {
    CacheView.#own(this, 'invalidate');
    return this.#invalidations.invalidate(request, options);
  }

  /**
   * Brings keys into the tiers before somebody asks for them: after a start, or after L2 has lost everything. Loads what no
   * tier holds fresh, each key once in the fleet, however many instances warm it; L1 takes over what L2 holds. The list is
   * drawn as fast as it is dealt with, so it may be long, or made on the way. Counted as loads, not as hits or misses.
   * @param items In the order of their worth.
   * @returns what came of it. A loader that fails is counted and stops nothing.
   * @throws {@link InvalidOptionError}, {@link CacheClosedError}, or what the list itself throws.
   */
  async warm<V>(
    items: Iterable<WarmItem<V>> | AsyncIterable<WarmItem<V>>,
    options: WarmOptions = {},
  ): Promise<WarmResult> {
    CacheView.#open(this, 'warm');
    assertItems(items);
    const requestOf = (item: WarmItem<V>) => {
      assertItem(item);
      return this.#request(item.key, item.loader as Loader<unknown>, item.options as ReadOptions | undefined);
    };
    const warming = warm(this.#context, items, resolveWarmOptions(options), requestOf, this.#lifecycle.closing);
    // `close` waits until it has stopped.
    this.#context.background.track(warming, ignore);
    return warming;
  }

  /** Removes everything in this namespace and the namespaces inside it; at the root, everything. As {@link delete}. */
  async clear(options?: InvalidateOptions): Promise<void> {
    CacheView.#own(this, 'clear');
    return this.#invalidations.clear(options);
  }

  /** A space of its own for keys, tags and patterns: nothing in it meets anything outside. One per tenant, for instance. */
  namespace(name: string): CacheView<F> {
    CacheView.#own(this, 'namespace');
    assertKey(name, 'namespace');
    return new CacheView<F>(this.#context, this.#options, this.#lifecycle, nestedNamespace(this.#namespace, name));
  }

  /** Where a key lives, how old it is, its windows and tags, and what invalidated it last. Loads nothing. */
  async inspect(key: string): Promise<Inspection> {
    CacheView.#own(this, 'inspect');
    return inspect(this.#context, this.#request(key, neverLoads, undefined));
  }

  /**
   * How many entries of this namespace a pattern names, in this process's L1 and in L2 together, each once: about what
   * {@link invalidate} would touch. Touches nothing. Scans L2, so it costs its size; while L2 cannot answer, only what
   * was seen is counted, and while Redis resizes its table an entry may count twice.
   * @throws {@link InvalidKeyError}
   */
  async count(pattern: string): Promise<number> {
    CacheView.#open(this, 'count');
    assertKey(pattern, 'pattern');
    return countMatching(this.#context, { namespace: this.#namespace, glob: pattern });
  }

  #hit(key: string): Entry | undefined {
    const context = this.#context;
    if (this.#idPrefix === '') return hitOf(context, key, key);
    const known = this.#ids.get(key);
    // What is no key must not become one by being joined to the prefix.
    if (known === undefined && typeof key !== 'string') return undefined;
    const id = known ?? this.#idPrefix + key;
    const entry = hitOf(context, id, key);
    if (entry !== undefined && known === undefined) context.knownIds.remember(this.#ids, key, id);
    return entry;
  }

  #hitLookup<V>(key: string): Lookup<Cached<V, F>> | undefined {
    const now = this.#context.clock.now();
    const entry = this.#hit(key);
    return entry && (hitLookup(this.#context, entry, now) as Lookup<Cached<V, F>>);
  }

  /** A bad key or option rejects like everything else, and so does one that cannot be read. */
  #lookUp<V>(
    key: string,
    loader: Loader<V>,
    options: ReadOptions<V> | undefined,
    wanted: 'value' | 'lookup',
  ): Promise<unknown> {
    try {
      const request = this.#request(key, loader as Loader<unknown>, options as ReadOptions | undefined);
      return lookUp(this.#context, request, wanted);
    } catch (error) {
      return Promise.reject(error);
    }
  }

  /** @throws TypeError when a method is called without its cache, since nothing in it could work. */
  static #own(view: CacheView<Form>, call: string): void {
    if (typeof view !== 'object' || view === null || !(#context in view)) throw detached(call);
  }

  /** @throws {@link CacheClosedError} too. */
  static #open(view: CacheView<Form>, call: string): void {
    CacheView.#own(view, call);
    view.#lifecycle.assertOpen();
  }

  #request(key: string, loader: Loader<unknown>, options: ReadOptions | undefined): ReadRequest {
    this.#lifecycle.assertOpen();
    return this.#requests.read(key, loader, options);
  }

  #many<V>(keys: readonly string[], loader: ManyLoader<V>, options?: ReadOptions<V | null>): ReadRequest[] {
    this.#lifecycle.assertOpen();
    assertLoader(loader);
    return this.#requests.readMany(keys, options as ReadOptions | undefined);
  }
}

const neverLoads: Loader<unknown> = () => null;
