import { describe, expect, test } from 'bun:test';
import { catalogResources } from '../../src/catalog/resources/index.ts';
import { LoadShedError, LoadTimeoutError } from '../../src/core/model/errors.ts';
import type { CacheEvent } from '../../src/core/model/events.ts';
import type { Lookup } from '../../src/core/model/lookup.ts';
import { TimeoutExceeded } from '../../src/core/primitives/timeout.ts';
import { resourceGroups } from '../../src/service/key-groups.ts';
import { eventsToLog } from '../../src/service/logging/events-to-log.ts';
import { createLogger } from '../../src/service/logging/logger.ts';
import { Throttle } from '../../src/service/logging/throttle.ts';

type Line = Record<string, unknown>;

const groupOf = resourceGroups(catalogResources);

/** Writes events into a log and gives its lines, without their times. */
async function linesOf(events: readonly CacheEvent[], { level = 'trace', now = () => 0 } = {}): Promise<Line[]> {
  const lines: Line[] = [];
  const write = (line: string) => {
    const { time, ...rest } = JSON.parse(line);
    expect(Date.parse(time)).toBeGreaterThan(0);
    lines.push(rest);
  };
  const log = await createLogger({ level: level as 'trace', format: 'json' }, { write });
  const observe = eventsToLog(log, groupOf, new Throttle(now));
  for (const event of events) observe(event);
  return lines;
}

const lookup: Lookup<unknown> = {
  value: { secret: 'of a row' },
  tier: 'l2',
  state: 'fresh',
  age: 12.5,
  ttl: 1_000,
  collapsed: false,
  tags: [],
  steps: { l1: { outcome: 'bypass', reason: 'unproven', stored: false, collapsed: false, durationMs: 0 } },
};
const key = 'product:17';

describe('the log', () => {
  test('tells lookups at debug level, with keys and never with values', async () => {
    const events: CacheEvent[] = [
      { type: 'lookup', key, lookup },
      { type: 'lookup', key, lookup: { ...lookup, tier: 'source' } },
      { type: 'lookup', key, lookup: { ...lookup, state: 'stale' } },
    ];
    const lines = await linesOf(events);
    expect(lines.map(({ event, tier }) => [event, tier])).toEqual([
      ['cache_hit', 'l2'],
      ['cache_miss', 'source'],
      ['cache_stale', 'l2'],
    ]);
    expect(lines[0]).toMatchObject({ level: 'debug', group: 'product', key, reason: 'unproven' });
    expect(JSON.stringify(lines)).not.toContain('secret');
    expect(await linesOf(events, { level: 'info' })).toEqual([]);
  });

  test('says nothing of a load that was given up: neither a client that leaves nor a stop is a failure', async () => {
    const load = { type: 'load', key, durationMs: 5, background: true } as const;
    const { reason } = AbortSignal.abort();
    expect(await linesOf([load, { ...load, error: reason, givenUp: true }])).toEqual([]);
    expect(await linesOf([{ ...load, error: new Error('down'), givenUp: false }])).toMatchObject([
      { event: 'load_failed' },
    ]);
  });

  const named: [CacheEvent, Line][] = [
    [
      { type: 'l2_timeout', operation: 'acquire', durationMs: 50 },
      { level: 'warn', event: 'redis_timeout', durationMs: 50 },
    ],
    [
      { type: 'tier_failure', tier: 'l2', operation: 'fill', key, background: false, error: new Error('OOM') },
      { level: 'warn', event: 'cache_write_failed', group: 'product', reason: 'OOM' },
    ],
    [
      { type: 'tier_failure', tier: 'l2', operation: 'acquire', key, background: false, error: new Error('reset') },
      { level: 'warn', event: 'redis_error', operation: 'acquire' },
    ],
    [
      { type: 'eviction', count: 12, groups: { product: 7 } },
      { level: 'warn', event: 'redis_eviction', count: 12, groups: { product: 7 } },
    ],
    [
      { type: 'l2_down', reason: 'no answer' },
      {
        level: 'warn',
        event: 'redis_fallback_mode_enabled',
        msg: 'Redis cache unavailable. Running in database-only mode.',
      },
    ],
    [
      { type: 'l2_up', downMs: 7 },
      { level: 'info', event: 'redis_cache_restored', downMs: 7 },
    ],
    [
      { type: 'breaker_transition', tier: 'l2', from: 'closed', to: 'open' },
      { level: 'info', event: 'breaker_transition', from: 'closed', to: 'open' },
    ],
    [
      { type: 'bus_gap', expected: 4, got: 6 },
      { level: 'info', event: 'bus_gap', expected: 4, got: 6 },
    ],
    [{ type: 'bus_resync' }, { level: 'info', event: 'bus_resync' }],
    [
      { type: 'epoch_changed', from: 'a', to: 'b' },
      { level: 'info', event: 'epoch_changed', from: 'a', to: 'b' },
    ],
    [{ type: 'l1_suspended' }, { level: 'warn', event: 'l1_suspended' }],
    [{ type: 'l1_resumed' }, { level: 'info', event: 'l1_resumed' }],
    [
      { type: 'invalidation_pending', keys: 1, tags: 2, all: false, outbox: false },
      { level: 'warn', event: 'invalidation_pending', keys: 1, tags: 2 },
    ],
    [
      { type: 'lookup_failed', key, error: new LoadShedError(key, 64, 1_000) },
      { level: 'warn', event: 'load_shed', group: 'product' },
    ],
    [
      { type: 'alarm', error: new Error('WRONGPASS') },
      { level: 'error', event: 'redis_error', alarm: true, reason: 'WRONGPASS' },
    ],
  ];
  for (const [event, line] of named) {
    test(`tells ${event.type} as ${line.event}`, async () => {
      expect(await linesOf([event])).toEqual([expect.objectContaining(line)]);
    });
  }

  test('says a timeout once, and trials of an open breaker at debug level', async () => {
    const lines = await linesOf([
      { type: 'l2_timeout', operation: 'acquire', durationMs: 50.4 },
      {
        type: 'tier_failure',
        tier: 'l2',
        operation: 'acquire',
        key,
        background: false,
        error: new TimeoutExceeded(50),
      },
      { type: 'breaker_transition', tier: 'l2', from: 'open', to: 'half-open' },
      { type: 'breaker_transition', tier: 'l2', from: 'half-open', to: 'open' },
    ]);
    expect(lines.map(({ event, level }) => [event, level])).toEqual([
      ['redis_timeout', 'warn'],
      ['breaker_transition', 'debug'],
      ['breaker_transition', 'debug'],
    ]);
  });

  test('names groups, not keys, above debug level, even where an error names the key', async () => {
    const error = new LoadTimeoutError(key, 10_000);
    const lines = await linesOf([
      { type: 'load', key, durationMs: 10_000, background: false, error },
      { type: 'tier_failure', tier: 'l2', operation: 'fill', key, background: true, error },
    ]);
    expect(lines).toHaveLength(2);
    expect(JSON.stringify(lines)).not.toContain(key);
  });

  test('is no flood: the first of a kind at once, then one a second with the number left out', async () => {
    let now = 0;
    const timeout: CacheEvent = { type: 'l2_timeout', operation: 'acquire', durationMs: 50 };
    const lines: Line[] = [];
    const log = await createLogger(
      { level: 'info', format: 'json' },
      { write: (line: string) => void lines.push(JSON.parse(line)) },
    );
    const observe = eventsToLog(log, groupOf, new Throttle(() => now));
    for (; now < 2_500; now++) observe(timeout);
    expect(lines.map(({ suppressed }) => suppressed)).toEqual([undefined, 999, 999]);
  });
});
