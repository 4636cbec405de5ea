import type { DashboardsAge } from '../../src/catalog/queries.ts';
import type { CacheEvent, Observer } from '../../src/core/model/events.ts';
import type { Targets } from '../../src/core/model/invalidation.ts';
import type { Lookup } from '../../src/core/model/lookup.ts';
import { type ObservedCache, ViewRefresher } from '../../src/service/dashboards/view-refresher.ts';
import { createLogger, type Logger } from '../../src/service/logging/logger.ts';
import { Host, VirtualTime } from '../simulation/virtual-time.ts';

type Line = Readonly<Record<string, unknown>>;
type Told = Parameters<ObservedCache['invalidate']>;

/** A refresher whose cache and view note what they are asked; time passes when a test says so. */
export class RefresherBench {
  readonly time: VirtualTime;
  readonly refresher: ViewRefresher;
  readonly log: readonly Line[];
  /** When each refresh began. */
  readonly refreshes: number[] = [];
  /** When the view was asked whether it is stale. */
  readonly asked: number[] = [];
  /** What the cache was told. */
  readonly told: Told[] = [];
  /** What the next refreshes come to; after them, all succeed. */
  readonly outcomes: (boolean | Error | Promise<boolean>)[] = [];
  isStale: () => boolean = () => true;
  /** What other instances hear of. */
  onTold: (targets: Targets) => void = () => {};
  age: DashboardsAge | Error = new Error('the database is away');
  readonly #observers = new Set<Observer>();

  private constructor(logger: Logger, log: readonly Line[], time: VirtualTime) {
    this.log = log;
    this.time = time;
    const cache: ObservedCache = {
      attach: ({ observer }) => {
        this.#observers.add(observer);
        return () => this.#observers.delete(observer);
      },
      // As the cache does: it says so before it has told anybody else.
      invalidate: async (targets, options) => {
        this.told.push([targets, options]);
        this.invalidated({ ids: targets.keys, tags: targets.tags });
        this.onTold({ ids: targets.keys, tags: targets.tags });
      },
    };
    const view = {
      refresh: async () => {
        this.refreshes.push(time.now);
        const outcome = this.outcomes.shift() ?? true;
        if (outcome instanceof Error) throw outcome;
        return outcome;
      },
      isStale: async () => {
        this.asked.push(time.now);
        return this.isStale();
      },
      age: async () => {
        if (this.age instanceof Error) throw this.age;
        return this.age;
      },
    };
    this.refresher = new ViewRefresher({ view, cache, log: logger, clock: time.clockOf(new Host('service')) });
  }

  static async make(time = new VirtualTime()): Promise<RefresherBench> {
    const log: Line[] = [];
    const write = (line: string) => void log.push(JSON.parse(line));
    return new RefresherBench(await createLogger({ level: 'trace', format: 'json' }, { write }), log, time);
  }

  emit(event: CacheEvent): void {
    for (const observer of this.#observers) observer(event);
  }

  invalidated(targets: Partial<Targets>, origin: 'here' | 'elsewhere' = 'here'): void {
    this.emit({ type: 'invalidated', targets: { ids: [], tags: [], ...targets }, origin });
  }

  /** A dashboard was looked up; `null` for one that is absent. */
  lookup(from: 'view' | 'tables' | null, tier: Lookup<unknown>['tier'], key = 'dashboard:org:1'): void {
    const value = from === null ? null : { freshness: { from } };
    const lookup = { value, tier, state: 'fresh', age: 0, ttl: 1, collapsed: false, tags: [], steps: {} } as const;
    this.emit({ type: 'lookup', key, lookup });
  }

  pass(ms: number): void {
    this.time.runUntil(this.time.now + ms);
  }

  /** Lets much time pass. Answers whether nothing happened in it. */
  isAtRest(): boolean {
    const before = this.refreshes.length + this.asked.length;
    this.pass(120_000);
    return this.refreshes.length + this.asked.length === before;
  }
}
