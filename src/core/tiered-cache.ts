import { assertTracer } from './cache-options.ts';
import { CacheView } from './cache-view.ts';
import { assertFunction, assertNames, detached, knownNames } from './model/arguments.ts';
import { InvalidOptionError } from './model/errors.ts';
import type { Observer } from './model/events.ts';
import type { Form } from './model/json-types.ts';
import { assertKey } from './model/key.ts';
import { OptionResolvers } from './model/option-resolver.ts';
import type { ResolvedOptions } from './model/options.ts';
import type { Tracer } from './ports/tracer.ts';
import type { CacheContext } from './state/context.ts';
import { type CacheHealth, type CacheStats, healthOf, statsOf, type Workers } from './stats.ts';
import { QuietTracer } from './tiers/quiet-tracer.ts';

/** The tracer and observer that {@link TieredCache.attach} adds to a cache. */
export interface Attachment {
  readonly tracer?: Tracer;
  readonly observer?: Observer;
}

const ATTACHMENT_NAMES = knownNames(['tracer', 'observer'] satisfies (keyof Attachment)[]);

/**
 * A multi-tier cache. `createCache` makes it, and the caller of `createCache` closes it.
 * @example
 * await using cache = createCache({ name: 'catalog', l1: lru(), ...redis('redis://localhost') });
 */
export class TieredCache<out F extends Form = 'frozen'> extends CacheView<F> {
  readonly #context: CacheContext;
  readonly #workers: Workers;
  readonly #observers: Set<Observer>;
  readonly #lifecycle: Lifecycle;

  /** Use `createCache` instead. */
  constructor(
    context: CacheContext,
    defaults: ResolvedOptions,
    workers: Workers,
    observers: Set<Observer>,
    lifecycle: Lifecycle,
  ) {
    super(context, new OptionResolvers(defaults), lifecycle, '');
    this.#context = context;
    this.#workers = workers;
    this.#observers = observers;
    this.#lifecycle = lifecycle;
  }

  /** The option `name`; `tiercel` by default. */
  get name(): string {
    return this.#context.name;
  }

  /**
   * Returns counts since the cache was made. It walks over all key groups.
   * @example
   * const { hitRate } = cache.stats();
   */
  stats(): CacheStats {
    TieredCache.#own(this, 'stats');
    return statsOf(this.#context, this.#workers);
  }

  /**
   * Returns the group that a key is counted under; see the option `groupOf`. Beyond a hundred groups it is `other`.
   * @throws {@link InvalidKeyError}
   */
  groupOf(key: string): string {
    TieredCache.#own(this, 'groupOf');
    assertKey(key);
    return this.#context.counters.of(key).group;
  }

  /**
   * Returns the state of each tier as this instance knows it. It asks no tier.
   * @example
   * if (cache.health().l1.suspended) metrics.increment('cache.suspended');
   */
  health(): CacheHealth {
    TieredCache.#own(this, 'health');
    return healthOf(this.#context, this.#workers);
  }

  /**
   * Resolves with `true` as soon as L2 is in use and L1 is proven, and with `false` after `timeoutMs`. Callers need not
   * wait for it, since reads are right before it too. Such a read waits for the first contact with L2, at most its
   * `l2Timeout`, and then loads from the source. The loaded value is stored nowhere. Without an L2 this waits for the
   * first look into the outbox. Without both it resolves at once.
   * @param timeoutMs Default 1,000.
   * @example
   * if (!(await cache.ready(5_000))) log.warn('The cache starts without L2');
   * @throws {@link InvalidOptionError} when `timeoutMs` is no number of 0 or more.
   */
  async ready(timeoutMs = 1_000): Promise<boolean> {
    TieredCache.#own(this, 'ready');
    if (typeof timeoutMs !== 'number' || !(timeoutMs >= 0))
      throw new InvalidOptionError('timeoutMs', timeoutMs, 'a number of milliseconds, 0 or more');
    const { heartbeat, follower } = this.#workers;
    return heartbeat?.ready(timeoutMs) ?? follower?.ready(timeoutMs) ?? true;
  }

  /**
   * Holds the breaker of a tier in one state, whatever calls and trials report. `open` lets no call reach the tier,
   * `closed` lets all calls through, and `auto` returns the decision to the breaker. It applies to this process alone,
   * until the process ends.
   * @example
   * cache.forceBreaker('l2', 'open');
   * @throws {@link InvalidOptionError} when there is no such breaker or state.
   */
  forceBreaker(tier: 'l2' | 'source', state: 'open' | 'closed' | 'auto'): void {
    TieredCache.#own(this, 'forceBreaker');
    const { l2, source } = this.#context;
    const breaker = tier === 'l2' ? l2?.breaker : tier === 'source' ? source.guard?.breaker : undefined;
    if (breaker === undefined) throw new InvalidOptionError('tier', tier, 'a tier of this cache that has a breaker');
    if (state === 'auto') breaker.release();
    else if (state === 'open' || state === 'closed') breaker.force(state);
    else throw new InvalidOptionError('state', state, "'open', 'closed' or 'auto'");
  }

  /**
   * Adds an observer, and replaces the tracer. Returns a function that undoes both.
   * @example
   * const detach = cache.attach({ observer: (event) => console.log(event.type) });
   * @throws {@link InvalidOptionError} when a part cannot be used.
   */
  attach(attachment: Attachment): () => void {
    TieredCache.#own(this, 'attach');
    assertNames('attachment', attachment, ATTACHMENT_NAMES);
    const { tracer: given, observer } = attachment;
    if (given !== undefined) assertTracer(given);
    assertFunction('observer', observer, 'a function of an event');
    if (observer !== undefined) this.#observers.add(observer);
    const before = this.#context.tracer;
    const tracer = given && new QuietTracer(given);
    if (tracer !== undefined) this.#context.tracer = tracer;
    return () => {
      if (observer !== undefined) this.#observers.delete(observer);
      if (this.#context.tracer === tracer) this.#context.tracer = before;
    };
  }

  /**
   * Closes the cache. It refuses new calls, lets running loads and background work end, and closes the parts that
   * `createCache` was given. A second call waits for the same end. It never rejects.
   * @example
   * await cache.close();
   */
  close(): Promise<void> {
    // This method is not async, because all callers get the same promise.
    if (this === undefined) return Promise.reject(detached('close'));
    return this.#lifecycle.close();
  }

  /** Throws a TypeError when a method is called without its cache, since nothing in it could work. */
  static #own(cache: unknown, call: string): void {
    if (typeof cache !== 'object' || cache === null || !(#workers in cache)) throw detached(call);
  }

  /** Closes the cache at the end of an `await using` block; see {@link close}. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}

/** Knows if the cache is open, and closes it. */
export interface Lifecycle {
  /**
   * Checks that closing has not begun.
   * @throws {@link CacheClosedError} otherwise.
   */
  assertOpen(): void;
  /** Aborted when closing begins. */
  readonly closing: AbortSignal;
  /** Closes the cache once. Every call returns the same promise. */
  close(): Promise<void>;
}
