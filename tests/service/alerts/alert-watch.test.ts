import { describe, expect, test } from 'bun:test';
import type { CacheEvent } from '../../../src/core/model/events.ts';
import { watch } from '../../support/watch.ts';
import { WatchBench } from './watch-bench.ts';

const DOWN: CacheEvent = { type: 'l2_down', reason: 'no answer' };
const UP: CacheEvent = { type: 'l2_up', downMs: 1 };

describe('an outage of Redis', () => {
  test('is told at once, in the words agreed, and its end when it has lasted', async () => {
    const bench = await WatchBench.make();
    bench.pass(60_000);
    bench.emit(DOWN);
    expect(bench.notices).toEqual([
      {
        alert: 'redis_unavailable',
        state: 'firing',
        severity: 'critical',
        text: 'Redis cache unavailable. Running in database-only mode.',
        since: '2026-11-26T00:01:00.000Z',
        value: null,
        threshold: null,
        service: 'tiercel',
        instance: 'here:1',
      },
    ]);
    bench.pass(42_000);
    bench.dateSetBy = -86_400_000;
    bench.emit(UP);
    bench.pass(2_999);
    expect(bench.notices).toHaveLength(1);
    bench.pass(1);
    expect(bench.notices.slice(1)).toEqual([
      expect.objectContaining({
        state: 'resolved',
        text: 'Redis cache available again after 42 s. Reads are answered from it.',
        since: '2026-11-26T00:01:00.000Z',
      }),
    ]);
  });

  test('is told once however long it is and whatever happens in it', async () => {
    const bench = await WatchBench.make();
    bench.emit(DOWN);
    bench.isSuspended = true;
    bench.emit({ type: 'l1_suspended' });
    bench.serve(1_800, { misses: 100 });
    expect(bench.told).toEqual(['redis_unavailable firing']);
    expect(bench.watch.firing).toEqual([
      expect.objectContaining({ alert: 'redis_unavailable', severity: 'critical', since: '2026-11-26T00:00:00.000Z' }),
    ]);
    // The log has it from the cache itself.
    expect(bench.log).toEqual([]);
    bench.isSuspended = false;
    bench.emit({ type: 'l1_resumed' }, UP);
    bench.serve(600, { hits: 95, misses: 5 });
    expect(bench.told).toEqual(['redis_unavailable firing', 'redis_unavailable resolved']);
    expect(bench.watch.firing).toEqual([]);
  });

  test('that comes back within three seconds is the same outage', async () => {
    const bench = await WatchBench.make();
    for (let round = 0; round < 20; round++) {
      bench.emit(DOWN);
      bench.pass(1_000);
      bench.emit(UP);
      bench.pass(2_000);
    }
    expect(bench.told).toEqual(['redis_unavailable firing']);
    bench.pass(1_000);
    expect(bench.told).toEqual(['redis_unavailable firing', 'redis_unavailable resolved']);
  });
});

describe('a hit ratio', () => {
  test('that stays low is told of with its value, and in the log', async () => {
    const bench = await WatchBench.make();
    bench.serve(600, { hits: 95, misses: 5 });
    expect(bench.told).toEqual([]);
    bench.serve(600, { hits: 60, misses: 40 });
    expect(bench.told).toEqual(['hit_ratio_low firing']);
    const [notice] = bench.notices;
    expect(notice?.value).toBeWithin(0.6, 0.8);
    expect(notice).toMatchObject({ severity: 'warning', threshold: 0.8, text: expect.stringContaining('below 80 %') });
    expect(bench.log).toEqual([
      expect.objectContaining({
        level: 'warn',
        event: 'alert',
        alert: 'hit_ratio_low',
        state: 'firing',
        msg: notice?.text,
      }),
    ]);
    bench.serve(600, { hits: 95, misses: 5 });
    expect(bench.told).toEqual(['hit_ratio_low firing', 'hit_ratio_low resolved']);
    expect(bench.log.at(-1)).toMatchObject({ level: 'info', event: 'alert', state: 'resolved' });
  });

  test('that is low for a minute, or for the few, is not', async () => {
    const bench = await WatchBench.make();
    bench.serve(60, { misses: 100 });
    bench.serve(600, { hits: 100 });
    bench.serve(600, { misses: 3 });
    expect(bench.told).toEqual([]);
  });

  test('of an outage says nothing of the time after it', async () => {
    const bench = await WatchBench.make();
    bench.serve(300, { hits: 100 });
    bench.emit(DOWN);
    bench.serve(305, { misses: 100 });
    bench.emit(UP);
    bench.serve(600, { hits: 81, misses: 19 });
    expect(bench.told).toEqual(['redis_unavailable firing', 'redis_unavailable resolved']);
  });
});

test('slow answers are told of when they stay slow, and a stall of a moment is not', async () => {
  const bench = await WatchBench.make();
  bench.serve(300, { hits: 50 });
  bench.serve(10, { hits: 50, ms: 3_000 });
  bench.serve(300, { hits: 50 });
  expect(bench.told).toEqual([]);
  bench.serve(300, { hits: 50, ms: 800 });
  expect(bench.told).toEqual(['latency_high firing']);
  expect(bench.notices[0]?.value).toBeWithin(750, 801);
  bench.serve(300, { hits: 50 });
  expect(bench.told).toEqual(['latency_high firing', 'latency_high resolved']);
});

test('a bus that proves nothing is told of when it lasts, and a moment without a proof is not', async () => {
  const bench = await WatchBench.make();
  for (const seconds of [4, 9.9]) {
    bench.isSuspended = true;
    bench.emit({ type: 'l1_suspended' });
    bench.pass(seconds * 1_000);
    bench.isSuspended = false;
    bench.emit({ type: 'l1_resumed' });
    bench.pass(1_000);
  }
  expect(bench.told).toEqual([]);
  bench.isSuspended = true;
  bench.emit({ type: 'l1_suspended' });
  bench.pass(10_000);
  expect(bench.told).toEqual(['bus_unproven firing']);
  bench.isSuspended = false;
  bench.emit({ type: 'l1_resumed' });
  bench.pass(10_000);
  expect(bench.told).toEqual(['bus_unproven firing', 'bus_unproven resolved']);
});

test('a bus that has proven something for the first time, of which nothing is said, has no earlier troubles', async () => {
  const bench = await WatchBench.make({ isSuspended: true });
  bench.pass(500);
  bench.isSuspended = false;
  bench.pass(2_000);
  bench.isSuspended = true;
  bench.emit({ type: 'l1_suspended' });
  bench.pass(10_000);
  expect(bench.notices).toMatchObject([{ alert: 'bus_unproven', since: '2026-11-26T00:00:02.500Z' }]);
});

test('the memory of Redis is told of when Redis has said that it is near its limit', async () => {
  const bench = await WatchBench.make();
  bench.memory = { usedBytes: 95, limitBytes: 100, evictionPolicy: 'noeviction' };
  bench.pass(120_000);
  expect(bench.notices).toMatchObject([{ alert: 'redis_memory_high', value: 0.95, threshold: 0.9 }]);
});

describe('a source', () => {
  test('is asked every 15 s, and told of when it does not answer twice within 10 s', async () => {
    const bench = await WatchBench.make();
    bench.pass(44_000);
    expect(bench.probedAt).toEqual([15_000, 30_000]);
    bench.sourceAnswers = false;
    bench.pass(10_999);
    expect(bench.told).toEqual([]);
    bench.pass(1);
    expect(bench.told).toEqual(['source_unavailable firing']);
    expect(bench.probedAt.slice(2)).toEqual([45_000, 50_000, 55_000]);
    expect(bench.notices[0]?.since).toBe('2026-11-26T00:00:45.000Z');
    bench.sourceAnswers = true;
    bench.pass(15_000);
    expect(bench.told).toEqual(['source_unavailable firing', 'source_unavailable resolved']);
  });

  test('that is away is told of alone: slow and missing answers are its consequence', async () => {
    const bench = await WatchBench.make();
    bench.sourceAnswers = false;
    bench.serve(600, { misses: 100, ms: 2_000 });
    expect(bench.told).toEqual(['source_unavailable firing']);
    bench.sourceAnswers = true;
    bench.serve(600, { hits: 100 });
    expect(bench.told).toEqual(['source_unavailable firing', 'source_unavailable resolved']);
  });
});

test('what is over when it closes is not watched any more, and what is up is not called well', async () => {
  const bench = await WatchBench.make();
  bench.emit(DOWN);
  expect(watch(bench.watch.close()).state).toBe('fulfilled');
  expect(bench.isObserved).toBe(false);
  bench.pass(3_600_000);
  expect(bench.told).toEqual(['redis_unavailable firing']);
  expect(bench.probedAt).toEqual([]);
});
