import { type Meter, metrics } from '@opentelemetry/api';
import type { RefusedAuth } from './refused-auth.ts';

/** Publishes the refusals, by reason, as `auth_refused_total`. The meter reads the counts at each collection. */
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
