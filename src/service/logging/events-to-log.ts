import { isCacheError, isRefusal, type TierFailure } from '../../core/model/errors.ts';
import type { CacheEvent, Observer } from '../../core/model/events.ts';
import type { Lookup } from '../../core/model/lookup.ts';
import { TimeoutExceeded } from '../../core/primitives/timeout.ts';
import { withoutSecrets } from '../config/secrets.ts';
import type { GroupOf } from '../key-groups.ts';
import type { Logger } from './logger.ts';
import { Throttle } from './throttle.ts';

/** A line of the log. */
interface Line {
  readonly level: 'debug' | 'info' | 'warn' | 'error';
  readonly event: string;
  readonly fields: object;
  readonly message: string;
}

/** Changes of state are rare by nature. Every other event can strike every request, and is throttled. */
const RARE = new Set<CacheEvent['type']>(['l2_down', 'l2_up', 'breaker_transition', 'epoch_changed', 'alarm']);

/** Writes the events of the cache into the log. Whole keys appear at debug level only, and their groups above it. */
export function eventsToLog(log: Logger, groupOf: GroupOf, throttle = new Throttle()): Observer {
  return (event) => {
    if (event.type === 'lookup' && !log.isLevelEnabled('debug')) return;
    const line = lineOf(event, groupOf);
    if (line === undefined) return;
    const write = (suppressed: number) =>
      log[line.level]({ event: line.event, ...line.fields, ...(suppressed > 0 && { suppressed }) }, line.message);
    if (line.level === 'debug' || RARE.has(event.type)) write(0);
    else throttle.write(line.event, write);
  };
}

function lineOf(event: CacheEvent, groupOf: GroupOf): Line | undefined {
  switch (event.type) {
    case 'lookup':
      return ofLookup(event.key, event.lookup, groupOf);
    case 'lookup_failed':
      if (!isRefusal(event.error)) return undefined;
      return warn(
        'load_shed',
        { group: groupOf(event.key), reason: event.error.code },
        'A load was refused to protect the source',
      );
    case 'load': {
      const { key, background, error, givenUp } = event;
      if (error === undefined || givenUp === true) return undefined;
      return warn('load_failed', { group: groupOf(key), background, ...reasonOf(error) }, 'A load failed');
    }
    case 'tier_failure':
      return ofFailure(event, groupOf);
    case 'l2_timeout': {
      const { operation, durationMs } = event;
      return warn('redis_timeout', { operation, durationMs: Math.round(durationMs) }, 'Redis did not answer in time');
    }
    case 'l2_down': {
      const message = 'Redis cache unavailable. Running in database-only mode.';
      return warn('redis_fallback_mode_enabled', { reason: event.reason }, message);
    }
    case 'l2_up':
      return info('redis_cache_restored', { downMs: Math.round(event.downMs) }, 'Redis cache restored');
    case 'breaker_transition': {
      const { tier, from, to } = event;
      const line = info('breaker_transition', { tier, from, to }, `Breaker ${from} → ${to}`);
      // A trial that failed is no news: an outage of an hour has thousands of them.
      return from !== 'closed' && to !== 'closed' ? { ...line, level: 'debug' } : line;
    }
    case 'eviction': {
      const { count, groups } = event;
      return warn('redis_eviction', { count, groups }, 'Redis has dropped keys to make room');
    }
    case 'invalidation_pending': {
      const { keys, tags, all, outbox } = event;
      const message = outbox
        ? 'The invalidation did not reach the outbox. It is queued and written as soon as the database answers.'
        : 'The invalidation did not reach Redis. It is queued and retried until Redis acknowledges it.';
      return warn('invalidation_pending', { keys, tags, all, outbox }, message);
    }
    case 'bus_gap': {
      const { expected, got } = event;
      return info('bus_gap', { expected, got }, 'A message on the invalidation channel was lost; L1 is cleared');
    }
    case 'bus_resync':
      return info('bus_resync', {}, 'L1 was cleared: an invalidation may have been missed');
    case 'bus_malformed':
      return warn(
        'bus_malformed',
        { reason: event.reason },
        'Dropped a message on the invalidation channel that Tiercel did not write',
      );
    case 'epoch_changed': {
      const { from, to } = event;
      return info(
        'epoch_changed',
        { from, to },
        'Redis restarted or failed over; entries written before are not served until they are verified',
      );
    }
    case 'l1_suspended':
      return warn('l1_suspended', {}, 'L1 does not answer: this instance cannot prove that it missed no invalidation');
    case 'l1_resumed':
      return info('l1_resumed', {}, 'L1 answers again');
    case 'alarm':
      return {
        ...warn('redis_error', { alarm: true, ...reasonOf(event.error) }, 'Redis needs an operator'),
        level: 'error',
      };
    case 'fill_refused':
    case 'invalidated':
    case 'invalidation_delivered':
    case 'no_bus':
      return undefined;
  }
}

function info(event: string, fields: object, message: string): Line {
  return { level: 'info', event, fields, message };
}

function warn(event: string, fields: object, message: string): Line {
  return { level: 'warn', event, fields, message };
}

function ofLookup(key: string, { tier, state, age, collapsed, steps }: Lookup<unknown>, groupOf: GroupOf): Line {
  const event = state === 'stale' ? 'cache_stale' : tier === 'source' ? 'cache_miss' : 'cache_hit';
  const reason = steps.l2?.reason ?? steps.l1?.reason;
  const fields = { tier, group: groupOf(key), key, age: Math.round(age), collapsed, reason };
  return { level: 'debug', event, fields, message: event };
}

function ofFailure({ operation, error, tier, key, background }: TierFailure, groupOf: GroupOf): Line | undefined {
  const group = key === undefined ? undefined : groupOf(key);
  const fields = { operation, group, background, ...reasonOf(error) };
  if (operation === 'fill') return warn('cache_write_failed', fields, 'A value was not stored in Redis');
  // A load that failed has an event of its own, and so has an answer of Redis that came too late.
  if (operation === 'load' || error instanceof TimeoutExceeded) return undefined;
  if (operation === 'validate') return warn('redis_error', fields, 'A value in Redis is not what its resource serves');
  if (tier === 'source') return warn('outbox_error', fields, 'The outbox in the database cannot be used');
  return warn('redis_error', fields, 'Redis failed');
}

/** Describes an error. A cache error names the key in its message, so the log gets its code instead. */
function reasonOf(error: unknown): object {
  if (isCacheError(error)) return { error: error.name, code: error.code };
  if (!(error instanceof Error)) return { reason: withoutSecrets(String(error)) };
  return { error: error.name, reason: withoutSecrets(error.message) };
}
