import { describe, expect, test } from 'bun:test';
import type { Targets } from '../../src/core/model/invalidation.ts';
import { ROOT_TAG } from '../../src/core/model/key.ts';
import { VirtualTime } from '../simulation/virtual-time.ts';
import { watch } from '../support/watch.ts';
import { RefresherBench } from './refresher-bench.ts';

const changed = (org: number): Partial<Targets> => ({ ids: [`product:${org}00`, `dashboard:org:${org}`] });

describe('a change that this instance has ordered', () => {
  test('is refreshed for a second after the first of several, and the cache is told of exactly their dashboards', async () => {
    const bench = await RefresherBench.make();
    bench.invalidated(changed(1));
    bench.pass(600);
    bench.invalidated(changed(17));
    bench.invalidated(changed(1));
    bench.pass(399);
    expect(bench.refreshes).toEqual([]);
    bench.pass(1);
    expect(bench.refreshes).toEqual([1_000]);
    expect(bench.told).toEqual([
      [
        { keys: ['dashboard:org:1', 'dashboard:org:17'], tags: [] },
        { outbox: false, onPending: 'resolve' },
      ],
    ]);
    expect(bench.asked).toEqual([]);
  });

  test('is no reason for more than one refresh: what the refresher says to the cache comes back to it', async () => {
    const bench = await RefresherBench.make();
    bench.invalidated(changed(1));
    bench.pass(1_000);
    expect(bench.told).toHaveLength(1);
    expect(bench.isAtRest()).toBe(true);
  });

  test('that looks like the refresher’s own while that is under way is refreshed for', async () => {
    const bench = await RefresherBench.make();
    bench.onTold = () => {
      bench.onTold = () => {};
      bench.invalidated({ ids: ['dashboard:org:1'] });
    };
    bench.invalidated({ ids: ['dashboard:org:1'] });
    bench.pass(10_000);
    expect(bench.refreshes).toHaveLength(2);
    expect(bench.isAtRest()).toBe(true);
  });

  test('is refreshed for once in two seconds, and never twice at once', async () => {
    const bench = await RefresherBench.make();
    const slow = Promise.withResolvers<boolean>();
    for (let at = 0; at < 8_000; at += 100) {
      bench.invalidated(changed(1));
      bench.pass(100);
    }
    expect(bench.refreshes).toEqual([1_000, 3_000, 5_000, 7_000]);
    bench.outcomes.push(slow.promise);
    bench.invalidated(changed(1));
    bench.pass(20_000);
    expect(bench.refreshes).toHaveLength(5);
    bench.invalidated(changed(2));
    slow.resolve(true);
    bench.pass(1_000);
    expect(bench.refreshes).toHaveLength(5);
  });

  test('waits four times as long as the last refresh has taken', async () => {
    const bench = await RefresherBench.make();
    const slow = Promise.withResolvers<boolean>();
    bench.outcomes.push(slow.promise);
    bench.invalidated(changed(1));
    bench.pass(4_000);
    bench.invalidated(changed(2));
    slow.resolve(true);
    bench.pass(0);
    expect(bench.told).toHaveLength(1);
    bench.pass(11_999);
    expect(bench.refreshes).toHaveLength(1);
    bench.pass(1);
    expect(bench.refreshes).toEqual([1_000, 16_000]);
    expect(bench.told[1]?.[0].keys).toEqual(['dashboard:org:2']);
  });

  test('of nothing that a dashboard shows is none', async () => {
    const bench = await RefresherBench.make();
    bench.invalidated({
      ids: ['product:1', 'dashboard:org:x', 'dashboard:org:01', 'dashboard'],
      tags: ['products', 'org:'],
    });
    bench.invalidated({ pattern: { namespace: 'sessions', glob: '*' } });
    expect(bench.isAtRest()).toBe(true);
  });
});

describe('a change that was heard of', () => {
  test('is refreshed for if the view does not have it', async () => {
    const bench = await RefresherBench.make();
    bench.invalidated(changed(1), 'elsewhere');
    bench.pass(1_000);
    expect([bench.asked, bench.refreshes]).toEqual([[1_000], [1_000]]);
    expect(bench.told[0]?.[0].keys).toEqual(['dashboard:org:1']);
    expect(bench.isAtRest()).toBe(true);
  });

  test('needs no refresh if another instance has brought it into the view', async () => {
    const bench = await RefresherBench.make();
    bench.isStale = () => false;
    bench.invalidated(changed(1), 'elsewhere');
    bench.pass(1_000);
    expect([bench.asked, bench.refreshes, bench.told]).toEqual([[1_000], [], []]);
    expect(bench.isAtRest()).toBe(true);
  });

  test('does not make one of this instance’s own less urgent', async () => {
    const bench = await RefresherBench.make();
    bench.isStale = () => false;
    bench.invalidated(changed(1));
    bench.invalidated(changed(2), 'elsewhere');
    bench.pass(1_000);
    expect([bench.asked, bench.refreshes]).toEqual([[], [1_000]]);
  });

  test('sets no two instances against each other', async () => {
    const time = new VirtualTime();
    const one = await RefresherBench.make(time);
    const other = await RefresherBench.make(time);
    let isStale = true;
    const join = (bench: RefresherBench, peer: RefresherBench) => {
      bench.isStale = () => isStale;
      bench.onTold = (targets) => {
        isStale = false;
        time.at(time.now + 5, () => peer.invalidated(targets, 'elsewhere'));
      };
    };
    join(one, other);
    join(other, one);
    one.invalidated(changed(1));
    other.invalidated(changed(1), 'elsewhere');
    time.runUntil(60_000);
    expect(one.refreshes.length + other.refreshes.length).toBeGreaterThan(0);
    expect(one.refreshes.length + other.refreshes.length).toBeLessThanOrEqual(2);
    expect([one.isAtRest(), other.isAtRest()]).toEqual([true, true]);
  });
});

describe('a dashboard that was read', () => {
  test('from the tables is a reason to look at the view, and nothing to tell the cache', async () => {
    const bench = await RefresherBench.make();
    bench.lookup('tables', 'source');
    bench.pass(1_000);
    expect([bench.asked, bench.refreshes, bench.told]).toEqual([[1_000], [1_000], []]);
    expect(bench.isAtRest()).toBe(true);
  });

  test('from the view, from the cache, or that is none at all, is not', async () => {
    const bench = await RefresherBench.make();
    bench.lookup('view', 'source');
    bench.lookup('tables', 'l2');
    bench.lookup('tables', 'source', 'product:1');
    bench.lookup(null, 'source', 'dashboard:org:99');
    expect(bench.isAtRest()).toBe(true);
  });
});

test('while another instance refreshes, the named orgs are kept and tried again: that refresh may have begun too early', async () => {
  const bench = await RefresherBench.make();
  bench.outcomes.push(false, false);
  bench.invalidated(changed(1));
  bench.pass(1_000);
  bench.invalidated(changed(2));
  bench.pass(2_000);
  expect(bench.refreshes).toEqual([1_000, 2_000, 3_000]);
  expect(bench.told.map(([told]) => told.keys)).toEqual([['dashboard:org:1', 'dashboard:org:2']]);
  expect(bench.log).toEqual([]);
});

test('an outage is logged once, tried through ever more rarely, and its end is logged; what was named is not lost', async () => {
  const bench = await RefresherBench.make();
  bench.outcomes.push(...Array.from({ length: 7 }, () => new Error('connection refused')));
  bench.invalidated(changed(1));
  for (let at = 0; at < 150_000; at += 500) {
    bench.pass(500);
    if (bench.told.length === 0) bench.invalidated(changed(2));
  }
  const pauses = bench.refreshes.map((at, index) => at - (bench.refreshes[index - 1] ?? 0));
  expect(pauses.slice(0, 8)).toEqual([1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000, 30_000]);
  expect(bench.told[0]?.[0].keys).toEqual(['dashboard:org:1', 'dashboard:org:2']);
  expect(bench.log.map(({ event, level }) => [event, level])).toEqual([
    ['view_refresh_failed', 'warn'],
    ['view_refreshed', 'info'],
  ]);
  bench.outcomes.push(new Error('away again'));
  bench.invalidated(changed(1));
  bench.pass(60_000);
  expect(bench.log.map(({ event }) => event)).toEqual([
    'view_refresh_failed',
    'view_refreshed',
    'view_refresh_failed',
    'view_refreshed',
  ]);
});

describe('at once', () => {
  test('is without the wait, for everything that was named', async () => {
    const bench = await RefresherBench.make();
    bench.invalidated({ tags: [ROOT_TAG] });
    const flush = watch(bench.refresher.refreshNow(5_000));
    bench.pass(0);
    expect([flush.state, bench.refreshes]).toEqual(['fulfilled', [0]]);
    expect(bench.told).toHaveLength(1);
    expect(bench.isAtRest()).toBe(true);
  });

  test('is anew, if a refresh is under way that may have begun too early', async () => {
    const bench = await RefresherBench.make();
    const slow = Promise.withResolvers<boolean>();
    bench.outcomes.push(slow.promise);
    bench.invalidated(changed(1));
    bench.pass(1_000);
    const flushes = [watch(bench.refresher.refreshNow(5_000)), watch(bench.refresher.refreshNow(5_000))];
    bench.pass(500);
    expect([bench.refreshes, flushes.map(({ state }) => state)]).toEqual([[1_000], ['pending', 'pending']]);
    slow.resolve(true);
    bench.pass(0);
    expect([bench.refreshes, flushes.map(({ state }) => state)]).toEqual([
      [1_000, 1_500],
      ['fulfilled', 'fulfilled'],
    ]);
    expect(bench.isAtRest()).toBe(true);
  });

  test('does not wait for another instance, does not fail, and does not wait for ever', async () => {
    const bench = await RefresherBench.make();
    bench.outcomes.push(false, new Error('away'), Promise.withResolvers<boolean>().promise);
    for (const within of [0, 0]) {
      const flush = watch(bench.refresher.refreshNow(5_000));
      bench.pass(within);
      expect(flush.state).toBe('fulfilled');
    }
    expect(bench.refreshes).toEqual([0, 0]);
    const flush = watch(bench.refresher.refreshNow(5_000));
    bench.pass(4_999);
    expect(flush.state).toBe('pending');
    bench.pass(1);
    expect(flush.state).toBe('fulfilled');
  });
});

describe('closing', () => {
  test('ends what is planned, and hears nothing more', async () => {
    const bench = await RefresherBench.make();
    bench.invalidated(changed(1));
    const closed = watch(bench.refresher.close());
    bench.invalidated(changed(1));
    bench.pass(0);
    expect(closed.state).toBe('fulfilled');
    expect(bench.isAtRest()).toBe(true);
  });

  test('waits for a refresh that is under way, but not for ever, and then invalidates nothing', async () => {
    for (const hangs of [false, true]) {
      const bench = await RefresherBench.make();
      const slow = Promise.withResolvers<boolean>();
      bench.outcomes.push(slow.promise);
      bench.invalidated(changed(1));
      bench.pass(1_000);
      const closed = watch(bench.refresher.close());
      bench.pass(1_999);
      expect(closed.state).toBe('pending');
      if (!hangs) slow.resolve(true);
      bench.pass(hangs ? 1 : 0);
      expect(closed.state).toBe('fulfilled');
      slow.reject(new Error('the connection is gone'));
      bench.pass(0);
      expect([bench.told, bench.log]).toEqual([[], []]);
    }
  });
});

describe('health', () => {
  test('is null before the view was seen, and what was seen last while it cannot be seen', async () => {
    const bench = await RefresherBench.make();
    expect(await bench.refresher.health()).toBeNull();
    bench.age = { refreshedAt: null, ageSeconds: null };
    expect(await bench.refresher.health()).toEqual({
      refreshedAt: null,
      ageSeconds: null,
      refreshing: false,
      pending: false,
    });
    bench.age = { refreshedAt: new Date(86_400_000), ageSeconds: 1.5 };
    expect(await bench.refresher.health()).toMatchObject({ refreshedAt: '1970-01-02T00:00:00.000Z', ageSeconds: 1.5 });
    bench.age = new Error('away');
    bench.pass(2_345);
    expect(await bench.refresher.health()).toMatchObject({ ageSeconds: 3.845 });
  });

  test('tells a refresh that is planned from one that is under way', async () => {
    const bench = await RefresherBench.make();
    bench.age = { refreshedAt: null, ageSeconds: null };
    bench.outcomes.push(Promise.withResolvers<boolean>().promise);
    bench.invalidated(changed(1));
    expect(await bench.refresher.health()).toMatchObject({ refreshing: false, pending: true });
    bench.pass(1_000);
    expect(await bench.refresher.health()).toMatchObject({ refreshing: true, pending: false });
    bench.invalidated(changed(1));
    expect(await bench.refresher.health()).toMatchObject({ refreshing: true, pending: true });
  });
});
