import { AsyncLocalStorage } from 'node:async_hooks';
import type { CacheEvent } from '../../core/model/events.ts';
import { type Clock, type Random, systemClock, systemRandom } from '../../core/primitives/clock.ts';
import type { TieredCache } from '../../core/tiered-cache.ts';
import type { Resource } from '../../resources/resource.ts';
import type { Config } from '../config/load-config.ts';
import type { Logger } from '../logging/logger.ts';
import { isWarmable, type WarmableResource, WarmUp, type WarmUpOptions } from './warm-up.ts';
import { NO_WARM_UP, type WarmUpReason, type WarmUpReport } from './warm-up-report.ts';

/**
 * Redis comes back for all instances at one moment. Each begins within this time after it, so that they do not begin
 * together. Milliseconds.
 */
const RECOVERY_SPREAD_MS = 1_000;

/** Time between two lines of the log about one warm-up. Milliseconds. */
const SAY_EVERY_MS = 5_000;

/** After this time a warm-up of the start goes on behind a service that is ready. Milliseconds. */
const START_WITHIN_MS = 60_000;

/** Options of {@link Warmer}. */
export interface WarmerOptions extends WarmUpOptions {
  readonly cache: Pick<TieredCache, 'warm' | 'ready' | 'attach'>;
  readonly resources: readonly Resource[];
  /** True if the return of Redis starts a warm-up. False for a service that does not read from the cache. */
  readonly recovers: boolean;
  readonly log: Pick<Logger, 'info' | 'warn'>;
  /** Default, here and in the next line: the platform's. */
  readonly clock?: Clock;
  readonly random?: Random;
}

/**
 * Returns the number of keys that a warm-up loads at once. Callers then find most connections, and most places for
 * loads, free.
 */
export function warmConcurrency({ pool, maxLoads }: Pick<Config['database'], 'pool' | 'maxLoads'>): number {
  return Math.max(1, Math.min(4, Math.floor(Math.min(pool, maxLoads) / 4)));
}

/**
 * Warms the cache, one warm-up at a time:
 * - at the start, if the configuration asks for it
 * - when Redis is back or has lost everything
 * - when an operator asks for it
 * - again when the database is back, if loads have failed without it
 *
 * It aborts when Redis goes away: L2 could not store the loaded values, and a recovery will follow.
 */
export class Warmer implements AsyncDisposable {
  readonly #options: WarmerOptions;
  readonly #warmable: readonly WarmableResource[];
  readonly #log: WarmerOptions['log'];
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #detach: () => void;
  /** A warm-up runs outside of the request that asked for it. */
  readonly #outside = AsyncLocalStorage.snapshot();
  #last: WarmUp | undefined;
  #running: Promise<void> | undefined;
  #cancelRecovery: (() => void) | undefined;
  #isRedisAway = false;
  #isStarting = false;
  #isClosed = false;

  constructor(options: WarmerOptions) {
    const { cache, resources, log, clock = systemClock, random = systemRandom } = options;
    this.#options = options;
    this.#warmable = resources.filter(isWarmable);
    this.#log = log;
    this.#clock = clock;
    this.#random = random;
    this.#detach = cache.attach({ observer: (event) => this.#observe(event) });
  }

  /** The names of the resources that can be warmed. */
  get names(): readonly string[] {
    return this.#warmable.map(({ name }) => name);
  }

  /** The report of the warm-up under way, else of the last one. */
  get report(): WarmUpReport {
    return this.#last?.report ?? NO_WARM_UP;
  }

  /** True while the service must not report that it is ready, because of {@link warmAtStart}. */
  get isStarting(): boolean {
    return this.#isStarting;
  }

  /** Begins the warm-up of the start. The service is ready when it has ended, or after a minute. */
  warmAtStart(): void {
    this.#isStarting = true;
    const cancel = this.#clock.after(START_WITHIN_MS, () => {
      this.#isStarting = false;
      this.#log.warn({ event: 'cache_warming', late: true, ...this.#figures() }, 'Ready before the cache is warm');
    });
    this.#begin('start', this.#warmable, () => {
      cancel();
      this.#isStarting = false;
    });
  }

  /**
   * Begins a warm-up, unless one is under way. That one then goes on unchanged.
   * @param names Some of {@link names}; default all.
   * @returns true if a warm-up began.
   */
  request(names: readonly string[] = this.names): boolean {
    if (this.#running !== undefined || this.#isClosed) return false;
    this.#begin(
      'request',
      this.#warmable.filter(({ name }) => names.includes(name)),
    );
    return true;
  }

  /** Aborts the warm-up under way. Resolves when it has ended, with true if there was one. */
  async cancel(cause = 'cancelled'): Promise<boolean> {
    const running = this.#running;
    if (running !== undefined) this.#last?.abort(cause);
    await running;
    return running !== undefined;
  }

  /** Aborts the warm-up under way and stops watching the cache. Never rejects. */
  async close(): Promise<void> {
    this.#isClosed = true;
    this.#detach();
    this.#cancelRecovery?.();
    await this.cancel('shutdown');
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  #observe(event: CacheEvent): void {
    if (event.type === 'l2_down') {
      this.#isRedisAway = true;
      this.#cancelRecovery?.();
      this.#cancelRecovery = undefined;
      if (this.#running !== undefined) this.#last?.abort('redis away');
    } else if (event.type === 'l2_up') {
      this.#isRedisAway = false;
      this.#recover();
    } else if (event.type === 'epoch_changed' && !this.#isRedisAway) this.#recover();
    else if (event.type === 'breaker_transition' && event.tier === 'source' && event.to === 'closed') this.#makeUp();
  }

  /** Starts a recovery when the database is back, since loads that failed without it can succeed now. */
  #makeUp(): void {
    const { state, failed } = this.report;
    if (state === 'failed' || failed > 0) this.#recover();
  }

  /**
   * Starts a recovery a moment later. When L2 is up, it has got all undelivered invalidations. The warm-up itself waits
   * until L2 may be read.
   */
  #recover(): void {
    if (this.#isClosed || !this.#options.recovers || this.#warmable.length === 0) return;
    this.#cancelRecovery ??= this.#clock.after(this.#random.next() * RECOVERY_SPREAD_MS, () => {
      this.#cancelRecovery = undefined;
      // The warm-up under way began earlier, and its keys may be lost again.
      if (this.#running === undefined) this.#begin('recovery', this.#warmable);
      else void this.#running.then(() => this.#recover());
    });
  }

  #begin(reason: WarmUpReason, resources: readonly WarmableResource[], onEnd: () => void = ignore): void {
    const warmUp = new WarmUp(reason, resources, this.#options);
    this.#last = warmUp;
    this.#running = this.#outside(() => this.#run(warmUp)).finally(() => {
      this.#running = undefined;
      onEnd();
    });
  }

  async #run(warmUp: WarmUp): Promise<void> {
    const beganAt = this.#clock.now();
    let saidAt = beganAt;
    this.#log.info({ event: 'cache_warming', reason: warmUp.reason }, 'The cache is being warmed');
    await warmUp.run(() => {
      if (this.#clock.now() - saidAt < SAY_EVERY_MS) return;
      saidAt = this.#clock.now();
      this.#log.info({ event: 'cache_warming', ...this.#figures() }, 'The cache is being warmed');
    });
    this.#sayEnd(warmUp, Math.round(this.#clock.now() - beganAt));
  }

  #sayEnd({ report, cause, error }: WarmUp, durationMs: number): void {
    const fields = { ...this.#figures(), durationMs, ...(error !== undefined && { error: nameOf(error) }) };
    if (report.state === 'done') this.#log.info({ event: 'cache_warmed', ...fields }, 'The cache is warm');
    else if (report.state === 'aborted')
      this.#log.info({ event: 'cache_warming_aborted', cause, ...fields }, 'The warm-up was ended early');
    else this.#log.warn({ event: 'cache_warming_failed', err: error, ...fields }, 'The cache could not be warmed');
  }

  #figures(): object {
    const { reason, total, done, loaded, fresh, failed, byResource } = this.report;
    return { reason, total, done, loaded, fresh, failed, resources: Object.keys(byResource) };
  }
}

/** Names an error without its message. Messages of cache errors name keys, which do not belong in the log. */
function nameOf(error: unknown): string {
  return error instanceof Error ? error.name : typeof error;
}

function ignore(): void {}
