import { hostname } from 'node:os';
import type { Form } from '../../core/model/json-types.ts';
import { systemClock, systemRandom } from '../../core/primitives/clock.ts';
import type { TieredCache } from '../../core/tiered-cache.ts';
import type { Config } from '../config/load-config.ts';
import { AnswerTimes } from '../http/response-times.ts';
import type { Logger } from '../logging/logger.ts';
import { AlertWatch } from './alert-watch.ts';
import { Delivery } from './delivery.ts';
import { ALERT_THRESHOLDS } from './thresholds.ts';
import { webhook } from './webhook.ts';

const { sampleMs, latency } = ALERT_THRESHOLDS;

/** Options of {@link startAlerts}. */
export interface AlertsOptions {
  readonly config: Config;
  readonly cache: TieredCache<Form>;
  /** The window that {@link alertedAnswers} makes. */
  readonly answers: AnswerTimes;
  readonly probeSource: (() => Promise<boolean>) | undefined;
  readonly log: Logger;
}

/**
 * The alerts of a running service. Their disposal sends the webhook the notices that it has not got, within a short
 * time.
 */
export type Alerts = Pick<AlertWatch, 'firing'> & AsyncDisposable;

/** Makes the window of answers that alerts judge. */
export function alertedAnswers(): AnswerTimes {
  return new AnswerTimes(latency.windowMs / sampleMs);
}

/** Starts to watch, with the platform's clock, and sends notices to the webhook if there is one. */
export function startAlerts({ config, log, ...watched }: AlertsOptions): Alerts {
  const today = (): number => Date.now();
  const clock = systemClock;
  const { webhookUrl } = config.alerts;
  const delivery =
    webhookUrl === undefined
      ? undefined
      : new Delivery({ post: webhook(webhookUrl), log, clock, random: systemRandom, today });
  const watch = new AlertWatch({
    ...watched,
    // Instances that share a namespace share its troubles.
    service: config.cache.namespace,
    instance: `${hostname()}:${process.pid}`,
    log,
    clock,
    today,
    send: (notice) => delivery?.send(notice),
  });
  return {
    get firing() {
      return watch.firing;
    },
    // Both close at the same time, so that the waits for a probe and for a receiver overlap.
    async [Symbol.asyncDispose]() {
      await Promise.all([watch.close(), delivery?.close()]);
    },
  };
}
