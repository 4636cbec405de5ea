import { AsyncLocalStorage } from 'node:async_hooks';
import { prefixes } from '../../catalog/names.ts';
import type { Dashboard, DashboardsAge } from '../../catalog/queries.ts';
import type { CacheEvent, Observer } from '../../core/model/events.ts';
import type { Targets } from '../../core/model/invalidation.ts';
import { type Clock, systemClock } from '../../core/primitives/clock.ts';
import { withTimeout } from '../../core/primitives/timeout.ts';
import type { Logger } from '../logging/logger.ts';
import type { DashboardsView } from './dashboards-view.ts';
import { NamedDashboards } from './named-dashboards.ts';

/** A refresh waits this long for further changes, so that changes made together share one refresh. Milliseconds. */
const DEBOUNCE_MS = 1_000;

/** Time between the beginnings of two refreshes. Milliseconds. */
const PERIOD_MS = 2_000;

/** A large view takes long, so refreshes take a fifth of the time at most. */
const REST_RATIO = 4;

/** The longest time between two tries while the database is away. Milliseconds. */
const LONGEST_PAUSE_MS = 30_000;

/** A refresh that hangs delays the close by no more than this. Milliseconds. */
const CLOSE_WITHIN_MS = 2_000;

/** The methods of the cache that the refresher calls. */
export interface ObservedCache {
  attach(attachment: { readonly observer: Observer }): () => void;
  invalidate(
    targets: { readonly keys: readonly string[]; readonly tags: readonly string[] },
    /** The outbox gets no row, because no value has become untrue that the relay would have to repeat. */
    options: { readonly outbox: false; readonly onPending: 'resolve' },
  ): Promise<unknown>;
}

/** Options of {@link ViewRefresher}. */
export interface ViewRefresherOptions {
  readonly view: DashboardsView;
  readonly cache: ObservedCache;
  readonly log: Pick<Logger, 'info' | 'warn'>;
  /** Default: the platform's clock. */
  readonly clock?: Clock;
}

/** The state of the view, for `GET /api/v1/cache/health`. */
export interface ViewHealth {
  /** ISO 8601; `null` before the first refresh. */
  readonly refreshedAt: string | null;
  readonly ageSeconds: number | null;
  /** True while this instance refreshes. */
  readonly refreshing: boolean;
  /** True if this instance has a reason to refresh. */
  readonly pending: boolean;
}

/** A reason to refresh: always, or only if the view turns out to be stale. */
type Reason = 'always' | 'if-stale';

/**
 * Refreshes the materialized dashboards a moment after a change, and then invalidates them in the cache. The next read
 * then finds the view instead of the tables. Reads in the meantime are right all the same.
 *
 * 1. A change that this instance has ordered causes a refresh.
 * 2. A change that a peer has ordered is refreshed by the peer. A change by another program may be refreshed by no
 *    instance. In both cases the refresher asks the database if the view is stale. Without that question, two instances
 *    would answer each other's invalidations for ever.
 * 3. A dashboard that was read from the tables raises the same question. It shows a view that was not refreshed for
 *    long.
 */
export class ViewRefresher implements AsyncDisposable {
  readonly #view: DashboardsView;
  readonly #cache: ObservedCache;
  readonly #log: ViewRefresherOptions['log'];
  readonly #clock: Clock;
  readonly #detach: () => void;
  /** A refresh runs outside of the request that caused it. */
  readonly #outside = AsyncLocalStorage.snapshot();
  #named = new NamedDashboards();
  #reason: Reason | undefined;
  /** The invalidation that the refresher sends now. It comes back as an event. */
  #own: Targets | undefined;
  #cancelTimer: (() => void) | undefined;
  #running: Promise<void> | undefined;
  #notBefore = Number.NEGATIVE_INFINITY;
  #failures = 0;
  #isClosed = false;
  #seen: { readonly age: DashboardsAge; readonly at: number } | undefined;

  constructor({ view, cache, log, clock = systemClock }: ViewRefresherOptions) {
    this.#view = view;
    this.#cache = cache;
    this.#log = log;
    this.#clock = clock;
    this.#detach = cache.attach({ observer: (event) => this.#observe(event) });
  }

  /**
   * Refreshes at once, and once more if the refresh under way may have begun too early. It waits for its own refresh,
   * up to `withinMs`, but not for that of another process. Never rejects. A refresh that failed is tried again.
   */
  async refreshNow(withinMs: number): Promise<void> {
    this.#want('always');
    await withTimeout(this.#clock, withinMs, this.#runNext()).catch(ignore);
  }

  /**
   * Asks the database for the state of the view. If the database does not answer, the last answer counts; `null`
   * without one.
   */
  async health(): Promise<ViewHealth | null> {
    const age = await this.#view.age().catch(ignore);
    if (age !== undefined) this.#seen = { age, at: this.#clock.now() };
    if (this.#seen === undefined) return null;
    const { refreshedAt, ageSeconds } = this.#seen.age;
    const sinceSeconds = (this.#clock.now() - this.#seen.at) / 1_000;
    return {
      refreshedAt: refreshedAt?.toISOString() ?? null,
      ageSeconds: ageSeconds === null ? null : Math.round((ageSeconds + sinceSeconds) * 1_000) / 1_000,
      refreshing: this.#running !== undefined,
      pending: this.#reason !== undefined,
    };
  }

  /** Stops watching the cache, and waits a little for a refresh that is under way. Never rejects. */
  async close(): Promise<void> {
    this.#isClosed = true;
    this.#detach();
    this.#cancelTimer?.();
    if (this.#running !== undefined) await withTimeout(this.#clock, CLOSE_WITHIN_MS, this.#running).catch(ignore);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  #observe(event: CacheEvent): void {
    if (event.type === 'lookup') {
      if (event.lookup.tier === 'source' && isFromTables(event.key, event.lookup.value)) this.#want('if-stale');
    } else if (event.type === 'invalidated') {
      const isHere = event.origin === 'here';
      if (isHere && this.#isOwn(event.targets)) return;
      if (this.#named.addNamed(event.targets)) this.#want(isHere ? 'always' : 'if-stale');
    }
  }

  /** Of two events that look the same, one is this instance's own. Either of them may be taken for it. */
  #isOwn({ ids, tags }: Targets): boolean {
    if (this.#own === undefined || !isSame(ids, this.#own.ids) || !isSame(tags, this.#own.tags)) return false;
    this.#own = undefined;
    return true;
  }

  #want(reason: Reason): void {
    if (this.#reason !== 'always') this.#reason = reason;
    this.#schedule();
  }

  #schedule(): void {
    const isBusy = this.#running !== undefined || this.#cancelTimer !== undefined;
    if (this.#isClosed || isBusy || this.#reason === undefined) return;
    const waitMs = Math.max(DEBOUNCE_MS, this.#notBefore - this.#clock.now());
    this.#cancelTimer = this.#clock.after(waitMs, () => this.#outside(() => void this.#runNext()));
  }

  /** Runs the next refresh. When it resolves, every refresh that was asked for before has been tried. */
  async #runNext(): Promise<void> {
    while (this.#running !== undefined) await this.#running;
    if (this.#isClosed || this.#reason === undefined) return;
    this.#cancelTimer?.();
    this.#cancelTimer = undefined;
    const named = this.#named;
    const reason = this.#reason;
    this.#named = new NamedDashboards();
    this.#reason = undefined;
    this.#running = this.#run(named, reason);
    await this.#running;
  }

  async #run(named: NamedDashboards, reason: Reason): Promise<void> {
    const beganAt = this.#clock.now();
    try {
      if (await this.#refresh(named, reason)) this.#succeeded(beganAt);
      else this.#putBack(named, reason);
    } catch (error) {
      this.#putBack(named, reason);
      this.#failed(error);
    }
    this.#running = undefined;
    this.#schedule();
  }

  /**
   * Refreshes and invalidates. Resolves with `false` when another process refreshes, whose refresh may have begun
   * before the change.
   */
  async #refresh(named: NamedDashboards, reason: Reason): Promise<boolean> {
    if (reason === 'if-stale' && !(await this.#view.isStale())) return true;
    if (!(await this.#view.refresh())) return false;
    if (named.isEmpty || this.#isClosed) return true;
    const { keys, tags } = named.targets;
    this.#own = { ids: keys, tags };
    try {
      await this.#cache.invalidate({ keys, tags }, { outbox: false, onPending: 'resolve' });
    } finally {
      this.#own = undefined;
    }
    return true;
  }

  #putBack(named: NamedDashboards, reason: Reason): void {
    this.#named.addAll(named);
    if (this.#reason !== 'always') this.#reason = reason;
  }

  #succeeded(beganAt: number): void {
    const now = this.#clock.now();
    this.#notBefore = Math.max(beganAt + PERIOD_MS, now + (now - beganAt) * REST_RATIO);
    if (this.#failures > 0) this.#log.info({ event: 'view_refreshed' }, 'The dashboards are refreshed again');
    this.#failures = 0;
  }

  /** Reports the first failure only. Later failures belong to the same outage. */
  #failed(error: unknown): void {
    this.#failures += 1;
    this.#notBefore = this.#clock.now() + Math.min(DEBOUNCE_MS * 2 ** this.#failures, LONGEST_PAUSE_MS);
    if (this.#failures > 1 || this.#isClosed) return;
    this.#log.warn({ event: 'view_refresh_failed', err: error }, 'The dashboards could not be refreshed');
  }
}

function isFromTables(key: string, value: unknown): boolean {
  return key.startsWith(prefixes.dashboard) && (value as Dashboard | null)?.freshness.from === 'tables';
}

function isSame(some: readonly string[], others: readonly string[]): boolean {
  return some.length === others.length && some.every((name, index) => name === others[index]);
}

function ignore(): undefined {}
