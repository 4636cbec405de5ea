import type { Counters } from '../model/counters.ts';
import type { TierFailure } from '../model/errors.ts';
import type { CacheEvent, Observer } from '../model/events.ts';
import { detached } from '../primitives/async-context.ts';
import { quietly } from '../primitives/quietly.ts';

/**
 * Makes the function that counts an event and then calls `onError` and the observers. An error of a listener is
 * swallowed, so that it cannot disturb the call that the event describes.
 */
export function emitterOf(
  counters: Counters,
  observers: ReadonlySet<Observer>,
  onError: ((failure: TierFailure) => void) | undefined,
): (event: CacheEvent) => void {
  return (event) => {
    count(counters, event);
    if (observers.size === 0 && (event.type !== 'tier_failure' || onError === undefined)) return;
    const tell = (): void => {
      if (event.type === 'tier_failure' && onError !== undefined) quietly(() => onError(failureOf(event)));
      for (const observer of observers) quietly(() => observer(event));
    };
    if (isOfACall(event)) tell();
    else detached(tell);
  };
}

/**
 * Events that belong to one call: listeners run in the asynchronous context of that call. All other events report on a
 * tier or a server, and listeners run detached.
 */
const CALL_EVENTS: ReadonlySet<CacheEvent['type']> = new Set([
  'lookup',
  'lookup_failed',
  'load',
  'l2_timeout',
  'fill_refused',
  'invalidated',
  'invalidation_pending',
]);

function isOfACall(event: CacheEvent): boolean {
  if (event.type === 'tier_failure') return event.key !== undefined || !event.background;
  return CALL_EVENTS.has(event.type);
}

function count(counters: Counters, event: CacheEvent): void {
  if (event.type === 'tier_failure' && event.tier === 'l2') counters.l2Errors += 1;
  else if (event.type === 'l2_timeout') counters.l2Timeouts += 1;
  else if (event.type === 'breaker_transition') counters.breakerTransitions += 1;
  else if (event.type === 'eviction') counters.l2Evictions += event.count;
}

function failureOf({ error, operation, tier, key, background }: TierFailure): TierFailure {
  return { error, operation, tier, key, background };
}
