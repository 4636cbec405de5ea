import type { CacheEvent, Observer } from '../../../src/core/model/events.ts';
import type { CacheHealth, CacheStats } from '../../../src/core/stats.ts';
import type { Notice } from '../../../src/service/alerts/alert.ts';
import { AlertWatch } from '../../../src/service/alerts/alert-watch.ts';
import { AnswerTimes } from '../../../src/service/http/response-times.ts';
import { createLogger, type Logger } from '../../../src/service/logging/logger.ts';
import { Host, VirtualTime } from '../../simulation/virtual-time.ts';

type Line = Readonly<Record<string, unknown>>;

/** Midnight in virtual time. */
const TODAY = Date.parse('2026-11-26T00:00:00Z');

/** A watch over a cache, a source and answers that do as a test says; time passes when it says so. */
export class WatchBench {
  readonly time = new VirtualTime();
  readonly watch: AlertWatch;
  readonly answers = new AnswerTimes(6);
  readonly notices: Notice[] = [];
  readonly log: readonly Line[];
  hits = 0;
  misses = 0;
  isSuspended: boolean;
  memory: { readonly usedBytes: number; readonly limitBytes: number; readonly evictionPolicy: string } | undefined;
  sourceAnswers = true;
  /** How far the host's date has been set, in milliseconds. */
  dateSetBy = 0;
  readonly probedAt: number[] = [];
  readonly #observers = new Set<Observer>();

  private constructor(log: Logger, lines: readonly Line[], isSuspended: boolean) {
    this.log = lines;
    this.isSuspended = isSuspended;
    this.watch = new AlertWatch({
      cache: {
        attach: ({ observer }) => {
          if (observer !== undefined) this.#observers.add(observer);
          return () => this.#observers.clear();
        },
        stats: () => ({ hits: this.hits, misses: this.misses }) as CacheStats,
        health: () => this.#health(),
      },
      answers: this.answers,
      probeSource: async () => {
        this.probedAt.push(this.time.now);
        return this.sourceAnswers;
      },
      service: 'tiercel',
      instance: 'here:1',
      log,
      send: (notice) => this.notices.push(notice),
      clock: this.time.clockOf(new Host('service'), 12_345),
      today: () => TODAY + this.time.now + this.dateSetBy,
    });
  }

  static async make({ isSuspended = false } = {}): Promise<WatchBench> {
    const lines: Line[] = [];
    const write = (line: string) => void lines.push(JSON.parse(line));
    return new WatchBench(await createLogger({ level: 'trace', format: 'json' }, { write }), lines, isSuspended);
  }

  emit(...events: readonly CacheEvent[]): void {
    for (const event of events) for (const observer of this.#observers) observer(event);
  }

  get isObserved(): boolean {
    return this.#observers.size > 0;
  }

  pass(ms: number): void {
    this.time.runUntil(this.time.now + ms);
  }

  /** Lets time pass with so many answers a second. */
  serve(seconds: number, { hits = 0, misses = 0, ms = 1 }: { hits?: number; misses?: number; ms?: number }): void {
    for (let second = 0; second < seconds; second++) {
      this.hits += hits;
      this.misses += misses;
      for (let answer = 0; answer < hits + misses; answer++) this.answers.add(ms);
      this.pass(1_000);
    }
  }

  /** What was told, in short. */
  get told(): string[] {
    return this.notices.map(({ alert, state }) => `${alert} ${state}`);
  }

  #health(): CacheHealth {
    const server = this.memory && { server: { memory: this.memory } };
    return {
      l1: { healthy: true, suspended: this.isSuspended, entries: 0, bytes: 0 },
      l2: { healthy: true, connected: true, latencyMs: 1, breaker: 'closed', ...server },
      pending: { keys: 0, tags: 0, patterns: 0, all: false },
      flights: 0,
    } as CacheHealth;
  }
}
