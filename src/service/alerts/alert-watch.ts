import type { CacheEvent } from '../../core/model/events.ts';
import type { Clock } from '../../core/primitives/clock.ts';
import type { TieredCache } from '../../core/tiered-cache.ts';
import type { AnswerTimes } from '../http/response-times.ts';
import type { Logger } from '../logging/logger.ts';
import type { Alert, AlertName, Notice } from './alert.ts';
import { AlertBoard, type FiringRule, type RuleChange } from './alert-board.ts';
import { durationInWords, momentInWords } from './in-words.ts';
import { LookupWindow } from './lookup-window.ts';
import type { Snapshot } from './snapshot.ts';
import { SourceWatch } from './source-watch.ts';
import { ALERT_THRESHOLDS } from './thresholds.ts';

const { sampleMs, closerMs, hitRatio } = ALERT_THRESHOLDS;

/** Options of {@link AlertWatch}. */
export interface AlertWatchOptions {
  readonly cache: Pick<TieredCache, 'attach' | 'stats' | 'health'>;
  /** The answers of the service. The watch rotates their window. */
  readonly answers: AnswerTimes;
  /** Tells if the source answers. It must neither reject nor hang. `undefined` for a source that cannot be away. */
  readonly probeSource: (() => Promise<boolean>) | undefined;
  readonly service: string;
  readonly instance: string;
  readonly log: Pick<Logger, 'info' | 'warn'>;
  /** Sends an alert to its receiver. The log gets every alert besides. It must not throw. */
  readonly send: (notice: Notice) => void;
  readonly clock: Clock;
  /** Returns the date in milliseconds since 1970, for the texts of alerts. */
  readonly today: () => number;
}

/**
 * Watches one cache, its source and the answers of the service. It reports once when a condition turns bad and once
 * when it is well again. The cache reports at once that Redis is away. The watch finds the other conditions by looking.
 */
export class AlertWatch implements AsyncDisposable {
  readonly #options: AlertWatchOptions;
  readonly #board = new AlertBoard();
  readonly #lookups = new LookupWindow(hitRatio.windowMs / sampleMs);
  readonly #detach: () => void;
  readonly #source: SourceWatch | undefined;
  /**
   * The dates at which the alerts that are up began, as they were reported. Receivers pair notices by this date, so a
   * later change of the host's date must not change it.
   */
  readonly #began = new Map<AlertName, string>();
  #isRedisDown = false;
  #sampledAt: number;
  #cancelTimer = (): void => {};
  #isClosed = false;

  constructor(options: AlertWatchOptions) {
    const { cache, clock, probeSource } = options;
    this.#options = options;
    this.#sampledAt = clock.now();
    this.#lookups.add(cache.stats());
    this.#source = probeSource && new SourceWatch(clock, probeSource, () => this.#tierChanged());
    this.#detach = cache.attach({ observer: (event) => this.#observe(event) });
    this.#assess();
  }

  /** The alerts that are up now. */
  get firing(): Alert[] {
    return this.#board.firing.map((firing) => this.#alertOf(firing));
  }

  /** Stops the watch. Alerts that are up stay up: the end of this process has mended nothing. */
  async close(): Promise<void> {
    this.#isClosed = true;
    this.#detach();
    this.#cancelTimer();
    await this.#source?.close();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  /** Handles every lookup that was no plain hit, so it has to be quick. */
  #observe({ type }: CacheEvent): void {
    switch (type) {
      case 'l2_down':
      case 'l2_up':
        this.#isRedisDown = type === 'l2_down';
        this.#tierChanged();
        break;
      case 'l1_suspended':
      case 'l1_resumed':
        this.#assess();
    }
  }

  /**
   * Restarts the count of lookups. Counts from before say nothing about the cache now that a tier has gone or come
   * back.
   */
  #tierChanged(): void {
    this.#lookups.restart(this.#options.cache.stats());
    this.#assess();
  }

  #assess(): void {
    if (this.#isClosed) return;
    const now = this.#options.clock.now();
    this.#sample(now);
    for (const change of this.#board.assess(this.#snapshot(), now)) this.#tell(change);
    this.#cancelTimer();
    const { dueAt } = this.#board;
    // Some conditions end without an event, so an alert on its way up or down is looked at more often.
    const next = Math.min(this.#sampledAt + sampleMs, dueAt, dueAt === Infinity ? Infinity : now + closerMs);
    this.#cancelTimer = this.#options.clock.after(Math.max(next - now, 0), () => this.#assess());
  }

  #sample(now: number): void {
    if (now - this.#sampledAt < sampleMs) return;
    const { cache, answers } = this.#options;
    this.#sampledAt = now;
    answers.rotate();
    this.#lookups.add(cache.stats());
  }

  #snapshot(): Snapshot {
    const { cache, answers } = this.#options;
    const { l1, l2, relay } = cache.health();
    const p99 = answers.reading(0.99);
    return {
      isRedisDown: this.#isRedisDown,
      isSourceDown: this.#source?.isDown === true,
      isL1Suspended: l1.suspended,
      relay,
      redisMemory: l2?.server?.memory,
      isEvicting: l2?.isEvicting === true,
      lookups: this.#lookups.reading,
      requests: { answers: p99.answers, p99Ms: p99.ms },
    };
  }

  #tell({ rule, change, value }: RuleChange): void {
    const { service, instance, log, send } = this.#options;
    if (change.state === 'firing') this.#began.set(rule.alert, this.#dateOf(change.since));
    const alert = this.#alertOf({ rule, since: change.since, value });
    const text = change.state === 'firing' ? alert.text : rule.resolved(durationInWords(change.until - change.since));
    if (change.state === 'resolved') this.#began.delete(rule.alert);
    // The cache has a log line of its own for this alert.
    if (rule.alert !== 'redis_unavailable') {
      const { severity, since, threshold } = alert;
      const level = change.state === 'firing' ? 'warn' : 'info';
      log[level]({ event: 'alert', alert: rule.alert, state: change.state, severity, since, value, threshold }, text);
    }
    send({ ...alert, text, state: change.state, service, instance });
  }

  #alertOf({ rule, since: began, value }: FiringRule): Alert {
    const { alert, severity, threshold } = rule;
    const since = this.#began.get(alert) ?? this.#dateOf(began);
    return { alert, severity, text: rule.firing(value, momentInWords(since)), since, value, threshold };
  }

  #dateOf(moment: number): string {
    const { clock, today } = this.#options;
    return new Date(Math.round(today() - (clock.now() - moment))).toISOString();
  }
}
