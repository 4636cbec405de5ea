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

/** What alerts are about. */
export interface AlertsOptions {
  readonly config: Config;
  readonly cache: TieredCache<Form>;
  /** As {@link alertedAnswers} makes them. */
  readonly answers: AnswerTimes;
  readonly probeSource: (() => Promise<boolean>) | undefined;
  readonly log: Logger;
}

/** Alerts of a running service; disposing of it tells the webhook what it has not been told, within a short time. */
export type Alerts = Pick<AlertWatch, 'firing'> & AsyncDisposable;

/** The window of answers that alerts look at. */
export function alertedAnswers(): AnswerTimes {
  return new AnswerTimes(latency.windowMs / sampleMs);
}

/** Begins to watch, with the platform's clock, and to tell the webhook if there is one. */
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
    // Instances that share a namespace share what is wrong with it.
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
    // A probe of a database that hangs is waited for as long as a receiver that does.
    async [Symbol.asyncDispose]() {
      await Promise.all([watch.close(), delivery?.close()]);
    },
  };
}
