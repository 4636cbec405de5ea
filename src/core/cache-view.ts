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

/** Knows if the cache is open. */
interface Openness {
  assertOpen(): void;
  readonly closing: AbortSignal;
}

/**
 * Reads and changes the entries of one namespace of a cache.
 * @typeParam F Form in which values come out. `createCache` derives it from its options.
 */
export class CacheView<out F extends Form = 'frozen'> {
  readonly #context: CacheContext;
  readonly #options: OptionResolvers;
  readonly #lifecycle: Openness;
  readonly #namespace: string;
  /** Makes the id of an entry when it is put before the key. */
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
   * Returns the value of a key: from L1, else from L2, else from the loader, whose value then fills both tiers.
   * Concurrent callers of a key share one load: in this process, and through a lease in L2 in the whole fleet.
   * @example
   * const user = await cache.getOrSet('user:42', () => loadUser(42), { ttl: '5m', tags: ['users'] });
   * @param loader Its error reaches every waiting caller as thrown. `null` means that the source has no value.
   * @returns A deeply frozen value, the same object for every caller; see the option `freeze`.
   * @throws {@link InvalidKeyError}, {@link InvalidOptionError}, {@link InvalidValueError}, {@link LoadTimeoutError},
   *   {@link LoadCycleError}, {@link CacheClosedError}, or the loader's error. A tier that fails causes none.
   */
  getOrSet<V>(key: string, loader: Loader<V> & Defined<V>, options?: ReadOptions<V>): Promise<Cached<V, F>> {
    if (this === undefined) return Promise.reject(detached('getOrSet'));
    const hit = asksForFresh(options) ? undefined : this.#hit(key);
    if (hit !== undefined) return Promise.resolve(hit.value as Cached<V, F>);
    return this.#lookUp(key, loader, options, 'value') as Promise<Cached<V, F>>;
  }

  /** Works like {@link getOrSet}, and returns the value with its origin, its age and the steps taken. */
  lookup<V>(key: string, loader: Loader<V> & Defined<V>, options?: ReadOptions<V>): Promise<Lookup<Cached<V, F>>> {
    if (this === undefined) return Promise.reject(detached('lookup'));
    const hit = asksForFresh(options) ? undefined : this.#hitLookup<V>(key);
    if (hit !== undefined) return Promise.resolve(hit);
    return this.#lookUp(key, loader, options, 'lookup') as Promise<Lookup<Cached<V, F>>>;
  }

  /** Returns the fresh value of a key, or `undefined`. It never loads and never serves a stale value. */
  async get<V = unknown>(key: string): Promise<Cached<V, F> | undefined> {
    CacheView.#own(this, 'get');
    return (await getFresh(this.#context, this.#request(key, neverLoads, undefined))) as Cached<V, F> | undefined;
  }

  /**
   * Works like {@link get} in L1 alone, without a promise. A key that is not found is a miss, unless another call for
   * the key follows: then the result of that call counts. So this is one question: `peek(key) ?? (await getOrSet(key,
   * load))`.
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

  /** Works like {@link lookup} in L1 alone, without the cost of a promise. It counts like {@link peek}. */
  peekLookup<V = unknown>(key: string): Lookup<Cached<V, F>> | undefined {
    if (this === undefined) throw detached('peekLookup');
    const lookup = this.#hitLookup<V>(key);
    if (lookup !== undefined) return lookup;
    assertKey(key);
    this.#context.counters.peekMissed(this.#idPrefix + key);
    return undefined;
  }

  /** Resolves with `true` when {@link get} would find a value. */
  async has(key: string): Promise<boolean> {
    CacheView.#own(this, 'has');
    return (await this.get(key)) !== undefined;
  }

  /**
   * Stores a value in both tiers; other instances drop their copies. The last call wins; with `version` the greatest.
   * After a change in the database prefer {@link delete}: two writers that cross here may leave the older value.
   * @returns `true` when the value is stored for good. `false` has three reasons:
   * - A greater `version` is stored.
   * - L2 did not acknowledge it. The key is now a pending invalidation; its delivery ends the old value everywhere.
   * - The outbox did not acknowledge it. The value is served, and the order is written once the database answers.
   * @throws {@link InvalidValueError}, {@link InvalidKeyError}, {@link InvalidOptionError}.
   */
  async set<V>(key: string, value: V & Defined<V>, options?: WriteOptions<V>): Promise<boolean> {
    CacheView.#open(this, 'set');
    return write(this.#context, this.#requests.write(key, value, options));
  }

  /**
   * Reads many keys like {@link get}, in the order asked. One round trip reads the keys that L1 does not hold.
   * @param keys At most 10,000. `l2Timeout` counts once for each 100 of them, up to 2 s.
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
   * Reads many keys like {@link getOrSet}, in the order asked. It asks L1, then L2 once, and then calls the loader once
   * for all missing keys. Each key is shared with its other callers and leased in the fleet, as if it were alone. A key
   * that another caller is loading does not delay the rest. If that load fails, the loader is called again for it.
   * @param keys At most 10,000. `l2Timeout` counts once for each 100 of them, up to 2 s.
   * @param loader Returns pairs of key and value, in any order. A key that it leaves out has no value in the source.
   * @example
   * const products = await cache.getOrSetMany(
   *   ids.map((id) => `product:${id}`),
   *   async ({ keys }) => (await loadProducts(keys)).map((product) => [`product:${product.id}`, product] as const),
   *   { ttl: '5m', tags: (product) => (product === null ? ['products'] : ['products', `org:${product.org}`]) },
   * );
   * @throws The first error in the order of the keys, once all have settled. Loaded values are stored nevertheless. The
   *   errors are those of {@link getOrSet}. A loader's error fails all its keys but those that a stale value answers.
   */
  async getOrSetMany<V>(
    keys: readonly string[],
    loader: ManyLoader<V> & Defined<V>,
    options?: ReadOptions<NoInfer<V> | null>,
  ): Promise<(Cached<V, F> | null)[]> {
    CacheView.#own(this, 'getOrSetMany');
    return (await getOrSetMany(this.#context, this.#many(keys, loader, options), loader)) as (Cached<V, F> | null)[];
  }

  /** Works like {@link getOrSetMany}, and returns each value with its origin, its age and the steps taken. */
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
   * Stores many entries like {@link set}, sent together. It checks every entry before it stores the first.
   * @param entries Pairs of key and value, at most 10,000; a `Map` is such a list. The last entry of a repeated key
   *   counts. A packet holds 500 entries, for which `l2Timeout` counts once for each 100.
   * @returns For each entry, in the order given, `true` when it is stored.
   * @throws {@link InvalidValueError}, {@link InvalidKeyError}, {@link InvalidOptionError}. Nothing is stored then.
   */
  async setMany<V>(entries: Iterable<readonly [key: string, value: V]>, options?: WriteOptions<V>): Promise<boolean[]> {
    CacheView.#open(this, 'setMany');
    return setMany(this.#context, this.#requests.writeMany(entries, options));
  }

  /** Removes at most 10,000 keys like {@link delete}, in one invalidation. */
  async deleteMany(keys: readonly string[], options?: InvalidateOptions): Promise<void> {
    CacheView.#own(this, 'deleteMany');
    assertMany('keys', keys);
    await this.invalidate({ keys }, options);
  }

  /**
   * Removes a key. When the promise resolves, L2 and this process have dropped it. Other instances drop it from L1
   * normally within 5 ms, and at worst within the bound D. A load that is under way cannot bring the old value back.
   * @throws {@link InvalidationPendingError} when L2 or the outbox did not acknowledge the order.
   */
  async delete(key: string, options?: InvalidateOptions): Promise<void> {
    CacheView.#own(this, 'delete');
    await this.invalidate({ keys: [key] }, options);
  }

  /** Marks a key as stale everywhere: the next read loads. `staleIfError` keeps the old value. As {@link delete}. */
  async expire(key: string, options?: InvalidateOptions): Promise<void> {
    CacheView.#own(this, 'expire');
    await this.invalidate({ keys: [key], mode: 'expire' }, options);
  }

  /**
   * Invalidates keys, tags and a pattern in one order, like {@link delete}.
   * @example
   * await cache.invalidate({ keys: ['user:42'], tags: ['org:7'] });
   * @throws {@link InvalidationPendingError}, {@link InvalidKeyError}, {@link InvalidOptionError}.
   */
  async invalidate(request: InvalidateRequest, options?: InvalidateOptions): Promise<InvalidateResult> {
    CacheView.#own(this, 'invalidate');
    return this.#invalidations.invalidate(request, options);
  }

  /**
   * Loads keys before readers ask for them: after a start, or after L2 has lost its data. A key that no tier holds
   * fresh is loaded once in the fleet, however many instances warm it. L1 copies the keys that L2 holds. The list is
   * drawn only as fast as its keys are loaded, so it may be long, or made on the way. It counts only loads.
   * @param items The keys, the most valuable first.
   * @returns The number of keys that were fresh, loaded or failed. A loader that fails is counted and stops nothing.
   * @throws {@link InvalidOptionError}, {@link CacheClosedError}, or an error that the list itself throws.
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
    // `close` waits until the warm-up has stopped.
    this.#context.background.track(warming, ignore);
    return warming;
  }

  /** Removes every entry of this namespace and the namespaces inside it; at the root, all. Like {@link delete}. */
  async clear(options?: InvalidateOptions): Promise<void> {
    CacheView.#own(this, 'clear');
    return this.#invalidations.clear(options);
  }

  /**
   * Returns a view with keys, tags and patterns of its own, such as one per tenant. No name in it meets one outside.
   */
  namespace(name: string): CacheView<F> {
    CacheView.#own(this, 'namespace');
    assertKey(name, 'namespace');
    return new CacheView<F>(this.#context, this.#options, this.#lifecycle, nestedNamespace(this.#namespace, name));
  }

  /** Returns where a key lives, its age, windows and tags, and its last invalidation. It loads nothing. */
  async inspect(key: string): Promise<Inspection> {
    CacheView.#own(this, 'inspect');
    return inspect(this.#context, this.#request(key, neverLoads, undefined));
  }

  /**
   * Counts the entries of this namespace that a pattern matches, in this process's L1 and in L2 together, each once. It
   * is about the number that {@link invalidate} would touch, and touches none. It scans L2, so it costs L2's size.
   * While L2 cannot answer, it counts only those seen. While Redis resizes its table, an entry may count twice.
   * @throws {@link InvalidKeyError}, {@link CacheClosedError}.
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
    // A key that is no string must not become one by being joined to the prefix.
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

  /** Rejects with the error of a bad key or option, and of an option that cannot be read. */
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

  /** Throws a TypeError when a method is called without its cache, since nothing in it could work. */
  static #own(view: CacheView<Form>, call: string): void {
    if (typeof view !== 'object' || view === null || !(#context in view)) throw detached(call);
  }

  /** Throws {@link CacheClosedError} as well. */
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
