import type { LookupSteps } from '../../core/model/lookup.ts';

/** The `Server-Timing` field of a lookup: milliseconds in each tier that was asked. */
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

/** As the field shows a duration: to the hundredth of a millisecond, within which all L1 hits are the same. */
export function roundedMs(durationMs: number): number {
  return Math.round(durationMs * 100) / 100;
}
