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

/** What watches a cache from outside; see {@link TieredCache.attach}. */
export interface Attachment {
  readonly tracer?: Tracer;
  readonly observer?: Observer;
}

const ATTACHMENT_NAMES = knownNames(['tracer', 'observer'] satisfies (keyof Attachment)[]);

/** A multi-tier cache. Made by `createCache`; whoever makes one closes it. */
export class TieredCache<out F extends Form = 'frozen'> extends CacheView<F> {
  readonly #context: CacheContext;
  readonly #workers: Workers;
  readonly #observers: Set<Observer>;
  readonly #lifecycle: Lifecycle;

  /** Use `createCache`. */
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

  get name(): string {
    return this.#context.name;
  }

  /** Counts since the cache was made; costs a walk over the key groups. */
  stats(): CacheStats {
    TieredCache.#own(this, 'stats');
    return statsOf(this.#context, this.#workers);
  }

  /** The group that a key is counted under; see the option `groupOf`. Beyond a hundred groups it is `other`. */
  groupOf(key: string): string {
    TieredCache.#own(this, 'groupOf');
    assertKey(key);
    return this.#context.counters.of(key).group;
  }

  /** How each tier is doing, from what is known already: nobody is asked. */
  health(): CacheHealth {
    TieredCache.#own(this, 'health');
    return healthOf(this.#context, this.#workers);
  }

  /**
   * Resolves with `true` as soon as L2 is in use and L1 is proven, with `false` when `timeoutMs` are over. Nothing needs
   * to wait for it: reads are right before it too. Each waits for the first contact with L2, at most its `l2Timeout`, and
   * then goes to the source; what it loads is stored nowhere. Without an L2 it waits for the first look into the outbox, or
   * for nothing.
   * @param timeoutMs Default 1,000.
   */
  async ready(timeoutMs = 1_000): Promise<boolean> {
    TieredCache.#own(this, 'ready');
    if (typeof timeoutMs !== 'number' || !(timeoutMs >= 0))
      throw new InvalidOptionError('timeoutMs', timeoutMs, 'a number of milliseconds, 0 or more');
    const { heartbeat, follower } = this.#workers;
    return heartbeat?.ready(timeoutMs) ?? follower?.ready(timeoutMs) ?? true;
  }

  /**
   * Holds the breaker of a tier `open` (nobody asks it) or `closed` (everybody does), whatever calls and trials say; `auto`
   * lets it judge for itself again. In this process alone, and until it ends.
   * @throws {@link InvalidOptionError} when there is no such breaker.
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

  /** Adds an observer, replaces the tracer. Answers a function that undoes it. */
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
   * Stops: refuses new calls, lets running loads and background work end, closes what `createCache` was given.
   * Calling it again waits for the same end. Never rejects.
   */
  close(): Promise<void> {
    // Not async: all callers are given the same promise.
    if (this === undefined) return Promise.reject(detached('close'));
    return this.#lifecycle.close();
  }

  /** @throws TypeError when a method is called without its cache, since nothing in it could work. */
  static #own(cache: unknown, call: string): void {
    if (typeof cache !== 'object' || cache === null || !(#workers in cache)) throw detached(call);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}

/** Whether the cache is open, and how it is closed. */
export interface Lifecycle {
  /** @throws {@link CacheClosedError} once closing has begun. */
  assertOpen(): void;
  /** Aborted when closing begins. */
  readonly closing: AbortSignal;
  close(): Promise<void>;
}
