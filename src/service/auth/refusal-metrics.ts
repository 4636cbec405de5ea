import { type Meter, metrics } from '@opentelemetry/api';
import type { RefusedAuth } from './refused-auth.ts';

/** Offers the refusals, by reason, as `auth_refused_total`. They are read when the metrics are. */
export function countRefusals(
  refused: Pick<RefusedAuth, 'counts'>,
  meter: Pick<Meter, 'createObservableCounter'> = metrics.getMeter('tiercel.service'),
): void {
  meter
    .createObservableCounter('auth_refused_total', { description: 'Requests refused for their token, by reason' })
    .addCallback((result) => {
      for (const [reason, count] of Object.entries(refused.counts)) result.observe(count, { reason });
    });
}
