import type { LookupSteps } from '../../core/model/lookup.ts';

/**
 * Makes the `Server-Timing` field of a lookup: the milliseconds in each tier that was asked.
 * @example
 * ```ts
 * import { createCache } from 'tiercel';
 * import { serverTiming } from 'tiercel/elysia';
 * import { lru } from 'tiercel/lru';
 *
 * const cache = createCache({ name: 'catalog', l1: lru() });
 * const { steps } = await cache.lookup('product:7', () => 1);
 * serverTiming(steps); // 'l1;dur=0.02, source;dur=0.11'
 * ```
 * @returns the field, or an empty text if no tier was asked.
 */
export function serverTiming(steps: LookupSteps): string {
  let field = '';
  if (steps.l1 !== undefined) field = metric('l1', steps.l1.durationMs);
  if (steps.l2 !== undefined) field += separated(field, metric('l2', steps.l2.durationMs));
  if (steps.source !== undefined) field += separated(field, metric('source', steps.source.durationMs));
  return field;
}

function separated(before: string, metric: string): string {
  return before === '' ? metric : `, ${metric}`;
}

function metric(name: string, durationMs: number): string {
  return `${name};dur=${roundedMs(durationMs)}`;
}

/**
 * Rounds a duration as the field shows it, to a hundredth of a millisecond. All L1 hits are equal at that precision.
 */
export function roundedMs(durationMs: number): number {
  return Math.round(durationMs * 100) / 100;
}
