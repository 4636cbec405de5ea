import { describe, expect, test } from 'bun:test';
import { warmConcurrency } from '../../src/service/warming/warmer.ts';
import { watch } from '../support/watch.ts';
import { isWarm, WarmerBench } from './warmer-bench.ts';

describe('on demand', () => {
  test('everything is warmed, and it can be seen how far it is', () => {
    const bench = new WarmerBench();
    expect(bench.warmer.report).toMatchObject({ state: 'idle', reason: null, total: null, byResource: {} });
    bench.held = true;
    expect(bench.warmer.request()).toBe(true);
    bench.pass(10);
    expect(bench.warmer.report).toMatchObject({
      state: 'running',
      reason: 'request',
      total: 20,
      done: 0,
      finishedAt: null,
    });
    expect(bench.loads.count).toBe(2);
    bench.held = false;
    bench.loads.answer({}, 0);
    bench.loads.fail(new Error('no row'), 1);
    bench.pass(50);
    expect(bench.warmer.report).toMatchObject({
      state: 'done',
      total: 20,
      done: 20,
      loaded: 19,
      failed: 1,
      fresh: 0,
      byResource: {
        part: { total: 10, done: 10, loaded: 9, fresh: 0, failed: 1 },
        tool: { total: 10, done: 10, loaded: 10, fresh: 0, failed: 0 },
      },
    });
    expect(bench.events('cache_warmed')).toMatchObject([
      { reason: 'request', total: 20, loaded: 19, failed: 1, error: 'Error', resources: ['part', 'tool'] },
    ]);
  });

  test('only what is named is', () => {
    const bench = new WarmerBench();
    bench.warmer.request(['tool']);
    bench.pass(50);
    expect(Object.keys(bench.warmer.report.byResource)).toEqual(['tool']);
    expect(bench.fleet.cache().peek('part:1')).toBeUndefined();
    expect(bench.fleet.cache().peek('tool:1')).toBeDefined();
  });

  test('there is one at a time', () => {
    const bench = new WarmerBench();
    bench.held = true;
    expect([bench.warmer.request(), bench.warmer.request(['tool'])]).toEqual([true, false]);
    bench.pass(10);
    expect(bench.warmer.report.total).toBe(20);
    expect(bench.loads.count).toBe(2);
  });

  test('it can be ended, and another begun', () => {
    const bench = new WarmerBench();
    bench.held = true;
    bench.warmer.request();
    bench.pass(10);
    const cancelled = watch(bench.warmer.cancel());
    bench.pass(5);
    expect(cancelled.value()).toBe(true);
    expect(bench.warmer.report).toMatchObject({ state: 'aborted', done: 0 });
    expect(bench.loads.signal(0).aborted).toBe(true);
    expect(bench.events('cache_warming_aborted')).toMatchObject([{ cause: 'cancelled' }]);
    expect(bench.fleet.settle(bench.warmer.cancel())).toBe(false);
    bench.held = false;
    expect(bench.warmer.request()).toBe(true);
    bench.pass(50);
    expect(bench.warmer.report.state).toBe('done');
  });

  test('a list that cannot be had is a failure, which is said', () => {
    const bench = new WarmerBench();
    bench.list = () => Promise.reject(new Error('database away'));
    bench.warmer.request();
    bench.pass(50);
    expect(bench.warmer.report).toMatchObject({ state: 'failed', total: null, done: 0 });
    expect(bench.events('cache_warming_failed')).toHaveLength(1);
    expect(bench.events('cache_warmed')).toEqual([]);
  });

  test('a long one is heard of every few seconds', () => {
    const bench = new WarmerBench({ keys: 40 });
    bench.held = true;
    bench.warmer.request();
    for (let index = 0; index < 80; index += 1) {
      bench.pass(250);
      bench.loads.answer({}, index);
    }
    bench.pass(10);
    expect(bench.events('cache_warmed')).toHaveLength(1);
    expect(bench.events('cache_warming').length).toBeGreaterThan(3);
    expect(bench.events('cache_warming').length).toBeLessThan(6);
  });
});

describe('after an outage', () => {
  test('every instance is warm again, each key loaded once, and it is said once by each', () => {
    const bench = new WarmerBench({ instances: 3 });
    bench.loseRedis();
    for (const member of bench.fleet.members) expect(isWarm(member)).toBe(false);
    bench.fleet.server.restart({ keepData: false });
    bench.pass(4_000);
    for (const member of bench.fleet.members) expect(isWarm(member)).toBe(true);
    const loads = bench.fleet.members.reduce((sum, { cache }) => sum + cache.stats().loads, 0);
    expect(loads).toBe(20);
    expect(bench.events('cache_warmed')).toMatchObject(
      Array.from({ length: 3 }, () => ({ reason: 'recovery', failed: 0 })),
    );
  });

  test('so short that no instance has noticed it, too', () => {
    const bench = new WarmerBench();
    bench.warmer.request();
    bench.pass(50);
    bench.fleet.server.stop();
    bench.fleet.server.restart({ keepData: false });
    bench.pass(3_000);
    expect(bench.fleet.member().events.filter(({ type }) => type === 'l2_down')).toEqual([]);
    expect(bench.warmer.report).toMatchObject({ state: 'done', reason: 'recovery', loaded: 20 });
    expect(isWarm(bench.fleet.member())).toBe(true);
  });

  test('the instances do not begin together', () => {
    const bench = new WarmerBench({ instances: 8 });
    bench.loseRedis();
    bench.fleet.server.restart({ keepData: true });
    const began: number[] = [];
    for (let at = 0; at < 4_000; at += 10) {
      bench.pass(10);
      while (began.length < bench.events('cache_warming').length) began.push(at);
    }
    expect(began).toHaveLength(8);
    expect(new Set(began).size).toBeGreaterThan(5);
    expect(Math.max(...began) - Math.min(...began)).toBeLessThanOrEqual(1_000);
  });

  test('is given up when Redis goes away again, and begun anew when it is back', () => {
    const bench = new WarmerBench();
    bench.loseRedis();
    bench.fleet.server.restart({ keepData: false });
    bench.held = true;
    bench.pass(3_500);
    expect(bench.warmer.report).toMatchObject({ state: 'running', reason: 'recovery' });
    bench.loseRedis();
    expect(bench.warmer.report.state).toBe('aborted');
    expect(bench.events('cache_warming_aborted')).toMatchObject([{ cause: 'redis away' }]);
    bench.held = false;
    bench.fleet.server.restart({ keepData: false });
    bench.pass(4_000);
    expect(bench.warmer.report).toMatchObject({ state: 'done', reason: 'recovery', loaded: 20 });
  });

  test('of the database as well, what could not be loaded is loaded when that is back', () => {
    const bench = new WarmerBench();
    bench.loseRedis();
    bench.isSourceAway = true;
    bench.fleet.server.restart({ keepData: false });
    bench.pass(4_000);
    expect(bench.warmer.report).toMatchObject({ state: 'done', reason: 'recovery', loaded: 0, failed: 20 });
    bench.isSourceAway = false;
    bench.fleet.settle(bench.fleet.cache().getOrSet('anything', () => 1));
    bench.pass(2_000);
    expect(bench.warmer.report).toMatchObject({ state: 'done', reason: 'recovery', loaded: 20, failed: 0 });
    expect(bench.events('cache_warmed')).toHaveLength(2);
    bench.pass(60_000);
    expect(bench.events('cache_warmed')).toHaveLength(2);
  });

  test('waits for the end of one that is under way', () => {
    const bench = new WarmerBench();
    bench.held = true;
    bench.warmer.request();
    bench.pass(10);
    bench.fleet.server.stop();
    bench.fleet.server.restart({ keepData: false });
    bench.pass(3_000);
    expect(bench.warmer.report).toMatchObject({ state: 'running', reason: 'request' });
    bench.held = false;
    bench.loads.answer({}, 0);
    bench.loads.answer({}, 1);
    bench.pass(3_000);
    expect(bench.warmer.report).toMatchObject({ state: 'done', reason: 'recovery' });
    expect(isWarm(bench.fleet.member())).toBe(true);
  });
});

describe('at the start', () => {
  test('the service is not ready before it is warm', () => {
    const bench = new WarmerBench();
    bench.held = true;
    bench.warmer.warmAtStart();
    bench.pass(10);
    expect([bench.warmer.isStarting, bench.warmer.report.reason]).toEqual([true, 'start']);
    bench.held = false;
    bench.loads.answer({}, 0);
    bench.loads.answer({}, 1);
    bench.pass(50);
    expect([bench.warmer.isStarting, bench.warmer.report.state]).toEqual([false, 'done']);
    bench.pass(120_000);
    expect(bench.events('cache_warming').filter(({ late }) => late)).toEqual([]);
  });

  test('it is ready after a minute, warm or not, and the warm-up goes on', () => {
    const bench = new WarmerBench();
    bench.list = () => new Promise(() => {});
    bench.warmer.warmAtStart();
    bench.pass(59_999);
    expect(bench.warmer.isStarting).toBe(true);
    bench.pass(1);
    expect([bench.warmer.isStarting, bench.warmer.report.state]).toEqual([false, 'running']);
    expect(bench.events('cache_warming').filter(({ late }) => late)).toHaveLength(1);
  });

  test('it is ready when it cannot be warmed: without a database, or without Redis', () => {
    const failing = new WarmerBench();
    failing.list = () => Promise.reject(new Error('database away'));
    failing.warmer.warmAtStart();
    failing.pass(50);
    expect([failing.warmer.isStarting, failing.warmer.report.state]).toEqual([false, 'failed']);

    const alone = new WarmerBench();
    alone.held = true;
    alone.warmer.warmAtStart();
    alone.loseRedis();
    expect([alone.warmer.isStarting, alone.warmer.report.state]).toEqual([false, 'aborted']);
  });
});

test('the end of the service is the end of it, whatever it is busy with', () => {
  const bench = new WarmerBench();
  bench.held = true;
  bench.warmer.request();
  bench.pass(10);
  const closing = watch(bench.warmer.close());
  bench.pass(5);
  expect([closing.state, bench.warmer.report.state]).toEqual(['fulfilled', 'aborted']);
  expect(bench.warmer.request()).toBe(false);
  bench.loseRedis();
  bench.fleet.server.restart({ keepData: false });
  bench.pass(5_000);
  expect(bench.events('cache_warming')).toHaveLength(1);

  const hanging = new WarmerBench();
  hanging.list = () => new Promise(() => {});
  hanging.warmer.request();
  hanging.pass(10);
  const closed = watch(hanging.warmer.close());
  hanging.pass(5);
  expect(closed.state).toBe('fulfilled');
});

test.each([
  [10, 64, 2],
  [100, 64, 4],
  [100, 8, 2],
  [1, 64, 1],
])('of %d connections and %d loads it takes %d', (pool, maxLoads, expected) => {
  expect(warmConcurrency({ pool, maxLoads })).toBe(expected);
});
