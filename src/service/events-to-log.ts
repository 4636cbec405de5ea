import { isCacheError, LoadShedError, type TierFailure } from '../core/errors.ts';
import type { CacheEvent, Observer } from '../core/events.ts';
import { groupOf } from '../core/key.ts';
import type { Lookup } from '../core/lookup.ts';
import type { Logger } from './logger.ts';
import { Throttle } from './throttle.ts';

/** Writes what the cache tells of itself into the log. Whole keys appear at debug level only, above it their groups. */
export function eventsToLog(log: Logger, throttle = new Throttle()): Observer {
  const often = (level: 'info' | 'warn', event: string, fields: object, message: string) =>
    throttle.write(event, (suppressed) =>
      log[level]({ event, ...fields, ...(suppressed > 0 && { suppressed }) }, message),
    );

  return (event: CacheEvent) => {
    switch (event.type) {
      case 'lookup':
        if (log.isLevelEnabled('debug')) logLookup(log, event.key, event.lookup);
        return;
      case 'lookup_failed':
        if (event.error instanceof LoadShedError)
          often('warn', 'load_shed', { group: groupOf(event.key) }, 'A load was refused to protect the source');
        return;
      case 'load':
        if (event.error !== undefined) {
          often(
            'warn',
            'load_failed',
            { group: groupOf(event.key), background: event.background, ...describe(event.error) },
            'A load failed',
          );
        }
        return;
      case 'tier_failure':
        return logFailure(event, often);
      case 'l2_timeout':
        return often(
          'warn',
          'redis_timeout',
          { operation: event.operation, durationMs: event.durationMs },
          'Redis did not answer in time',
        );
      case 'l2_down':
        return log.warn(
          { event: 'redis_fallback_mode_enabled', reason: event.reason },
          'Redis cache unavailable. Running in database-only mode.',
        );
      case 'l2_up':
        return log.info({ event: 'redis_cache_restored', downMs: event.downMs }, 'Redis cache restored');
      case 'breaker_transition':
        return log.info(
          { event: 'breaker_transition', tier: event.tier, from: event.from, to: event.to },
          `Breaker ${event.from} → ${event.to}`,
        );
      case 'invalidation_pending':
        return often(
          'warn',
          'invalidation_pending',
          { keys: event.keys, tags: event.tags, all: event.all },
          'Redis has not been told of an invalidation yet',
        );
      case 'bus_gap':
        return often(
          'info',
          'bus_gap',
          { expected: event.expected, got: event.got },
          'A message of the bus was lost; L1 begins anew',
        );
      case 'bus_resync':
        return often('info', 'bus_resync', {}, 'In step with the bus again');
      case 'bus_malformed':
        return often('warn', 'bus_malformed', { reason: event.reason }, 'A message of the bus was none of ours');
      case 'epoch_changed':
        return log.info({ event: 'epoch_changed', from: event.from, to: event.to }, 'Redis has another history now');
      case 'l1_suspended':
        return often('warn', 'l1_suspended', {}, 'L1 cannot show that it missed no invalidation');
      case 'l1_resumed':
        return often('info', 'l1_resumed', {}, 'L1 answers again');
      case 'alarm':
        return log.error({ event: 'redis_error', alarm: true, ...describe(event.error) }, 'Redis needs an operator');
      case 'fill_refused':
      case 'invalidated':
      case 'invalidation_delivered':
      case 'no_bus':
        return log.trace({ event: event.type });
    }
  };
}

type Often = (level: 'info' | 'warn', event: string, fields: object, message: string) => void;

function logFailure({ operation, error, key, background }: TierFailure, often: Often): void {
  const group = key === undefined ? undefined : groupOf(key);
  const fields = { operation, group, background, ...describe(error) };
  if (operation === 'fill') often('warn', 'cache_write_failed', fields, 'A value was not stored in Redis');
  else often('warn', 'redis_error', fields, 'Redis failed');
}

function logLookup(log: Logger, key: string, { tier, state, age, collapsed, steps }: Lookup<unknown>): void {
  const event = state === 'stale' ? 'cache_stale' : tier === 'source' ? 'cache_miss' : 'cache_hit';
  const reason = steps.l2?.reason ?? steps.l1?.reason;
  log.debug({ event, tier, group: groupOf(key), key, age: Math.round(age), collapsed, reason }, event);
}

/** An error of ours names the key in its message, so its code has to do. */
function describe(error: unknown): object {
  if (isCacheError(error)) return { error: error.name, code: error.code };
  return error instanceof Error ? { error: error.name, reason: error.message } : { reason: String(error) };
}
