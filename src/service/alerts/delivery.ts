import { AsyncLocalStorage } from 'node:async_hooks';
import type { Clock, Random } from '../../core/primitives/clock.ts';
import { pause, TimeoutExceeded, withTimeout } from '../../core/primitives/timeout.ts';
import type { Logger } from '../logging/logger.ts';
import type { Notice } from './alert.ts';
import { NoticeQueue } from './notice-queue.ts';
import { readRetryAfter, retryDelayMs } from './retry-delay.ts';
import type { Post } from './webhook.ts';

/** The receiver has this long to answer. Milliseconds. */
const ANSWER_WITHIN_MS = 5_000;
/** Notices that are not delivered this long after the close are lost. Milliseconds. */
const CLOSE_WITHIN_MS = 2_000;
/** The queue holds more than two notices for each alert. It therefore drops only alerts that have come and gone. */
const MOST_WAITING = 32;

/** Options of {@link Delivery}. */
export interface DeliveryOptions {
  readonly post: Post;
  readonly log: Pick<Logger, 'info' | 'warn' | 'debug'>;
  readonly clock: Clock;
  readonly random: Pick<Random, 'next'>;
  /** Returns the date in milliseconds since 1970. */
  readonly today: () => number;
}

/** The outcome of one try. */
type Outcome =
  | { readonly kind: 'delivered' }
  /** The receiver would refuse the notice again. */
  | { readonly kind: 'refused'; readonly reason: string }
  | { readonly kind: 'failed'; readonly reason: string; readonly retryAfterMs: number };

/**
 * Delivers notices to a receiver one after another, each until it is taken or refused. A receiver that was away
 * therefore gets all notices in the order of their events. No line of the log holds the URL.
 */
export class Delivery implements AsyncDisposable {
  readonly #options: DeliveryOptions;
  readonly #queue = new NoticeQueue(MOST_WAITING);
  readonly #closing = new AbortController();
  readonly #ended = new AbortController();
  /** A delivery runs outside of the request that happened to raise the alert. */
  readonly #outside = AsyncLocalStorage.snapshot();
  #running: Promise<void> | undefined;

  constructor(options: DeliveryOptions) {
    this.#options = options;
  }

  /** Takes a notice. It never throws and never waits. */
  send(notice: Notice): void {
    if (this.#closing.signal.aborted) return;
    for (const { alert, state } of this.#queue.add(notice)) {
      this.#options.log.warn(
        { event: 'alert_dropped', alert, state },
        'Dropped an alert: too many wait for the webhook',
      );
    }
    this.#running ??= this.#outside(() => this.#run());
  }

  /** Tries the notices that are left once, for a short while. Never rejects. */
  async close(): Promise<void> {
    const { clock, log } = this.#options;
    this.#closing.abort();
    if (this.#running !== undefined) await withTimeout(clock, CLOSE_WITHIN_MS, this.#running).catch(() => {});
    this.#ended.abort();
    const { size } = this.#queue;
    if (size > 0)
      log.warn(
        { event: 'alert_dropped', count: size },
        'Dropped alerts: the webhook did not take them before the service stopped',
      );
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #run(): Promise<void> {
    let failures = 0;
    for (let notice = this.#queue.first; notice !== undefined; notice = this.#queue.first) {
      const outcome = await this.#try(notice);
      if (this.#ended.signal.aborted) return;
      this.#say(notice, outcome, failures);
      if (outcome.kind === 'failed') {
        failures += 1;
        if (this.#closing.signal.aborted) break;
        await this.#pause(failures, outcome.retryAfterMs);
      } else {
        failures = 0;
        this.#queue.shift();
      }
    }
    this.#running = undefined;
  }

  async #try(notice: Notice): Promise<Outcome> {
    const { post, clock, today } = this.#options;
    const timeout = new AbortController();
    const signal = AbortSignal.any([timeout.signal, this.#ended.signal]);
    try {
      const { status, retryAfter } = await withTimeout(clock, ANSWER_WITHIN_MS, post(notice, signal));
      if (status >= 200 && status < 300) return { kind: 'delivered' };
      const reason = `status ${status}`;
      // A request that was refused for any other reason would be refused again. Redirects are not followed.
      const isTransient = status >= 500 || status === 408 || status === 429;
      if (!isTransient) return { kind: 'refused', reason };
      return { kind: 'failed', reason, retryAfterMs: readRetryAfter(retryAfter, today()) };
    } catch (error) {
      return { kind: 'failed', reason: reasonOf(error), retryAfterMs: 0 };
    } finally {
      timeout.abort();
    }
  }

  #pause(failures: number, retryAfterMs: number): Promise<void> {
    const { clock, random } = this.#options;
    return pause(clock, retryDelayMs(failures, random.next(), retryAfterMs), this.#closing.signal);
  }

  /** Reports the first failure, and its end. The failures in between are written at debug level. */
  #say({ alert, state }: Notice, outcome: Outcome, failures: number): void {
    const { log } = this.#options;
    if (outcome.kind === 'delivered') {
      const line = { event: 'alert_delivered', alert, state, failures };
      if (failures > 0) log.info(line, 'The webhook takes alerts again');
      else log.debug(line, 'The webhook has taken an alert');
      return;
    }
    const line = { event: 'alert_webhook_failed', alert, state, reason: outcome.reason };
    if (outcome.kind === 'refused') log.warn(line, 'The webhook has refused an alert; look at ALERT_WEBHOOK_URL');
    else if (failures === 0)
      log.warn(line, 'The webhook did not take an alert. It is queued and retried until the webhook takes it.');
    else log.debug(line, 'The webhook still does not take the alert');
  }
}

/** Names an error without its message, since messages of network errors can hold the URL. */
function reasonOf(error: unknown): string {
  if (error instanceof TimeoutExceeded) return `no answer within ${error.budgetMs} ms`;
  if (!(error instanceof Error)) return 'unknown';
  return 'code' in error && typeof error.code === 'string' ? error.code : error.name;
}
