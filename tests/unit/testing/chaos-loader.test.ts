import { describe, expect, test } from 'bun:test';
import { chaosLoader, createTestCache, TestClock } from '../../../src/testing/index.ts';
import { watch } from '../../support/watch.ts';

describe('a loader with faults', () => {
  test('is the given function while there are none, and counts its calls', async () => {
    const load = chaosLoader((id: number, name: string) => `${id} ${name}`);
    expect(await load(1, 'a')).toBe('1 a');
    expect([load.calls, await chaosLoader(async () => 2)()]).toEqual([1, 2]);
  });

  test('fails, so many times and with what it is told', async () => {
    const load = chaosLoader(() => 'v');
    const own = new Error('database is away');
    load.fail(own, { times: 1 });
    await expect(load()).rejects.toBe(own);
    expect(await load()).toBe('v');
    load.fail();
    await expect(load()).rejects.toThrow('Told to fail');
    load.heal();
    expect([await load(), load.calls]).toEqual(['v', 4]);
  });

  test('hangs and takes its time', async () => {
    const clock = new TestClock();
    const load = chaosLoader(() => 'v', { clock });
    load.hang({ lasts: '1s' });
    load.delay('1s');
    const loading = watch(load());
    await clock.advance(1_999);
    expect(loading.state).toBe('pending');
    await clock.advance(1);
    expect(loading.value()).toBe('v');
  });

  test('that hangs whatever its signal says is given up after its hard timeout', async () => {
    await using fixture = createTestCache({ defaults: { hardTimeout: '2s' } });
    const { cache, clock, loader } = fixture;
    const load = loader(({ key }: { key: string }) => key);
    load.hang();
    await expect(clock.settle(cache.getOrSet('a', load))).rejects.toMatchObject({ code: 'LOAD_TIMEOUT' });
    expect(clock.now()).toBe(2_000);
  });
});

describe('an L1 with faults', () => {
  test('forgets what it held, and does not keep what it is given', async () => {
    await using fixture = createTestCache({ tiers: 'l1' });
    const { cache, l1, loader } = fixture;
    const load = loader(() => 'v');
    await cache.getOrSet('a', load);
    l1.forget({ only: 'get', times: 1 });
    expect(cache.peek('a')).toBeUndefined();
    expect([await cache.getOrSet('a', load), load.calls]).toEqual(['v', 2]);
    l1.forget({ only: 'set' });
    await cache.getOrSet('b', load);
    expect(cache.peek('b')).toBeUndefined();
    l1.heal();
    await cache.getOrSet('b', load);
    expect(cache.peek('b')).toBe('v');
  });
});
