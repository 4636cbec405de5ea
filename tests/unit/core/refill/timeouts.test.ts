import { describe, expect, test } from 'bun:test';
import { type Loader, LoadTimeoutError, type ManyLoader, type TieredCache } from '../../../../src/index.ts';
import { Fleet } from '../../../support/core-fixture.ts';
import { HeldLoads } from '../../../support/held-loads.ts';
import { watch } from '../../../support/watch.ts';

describe('hardTimeout', () => {
  test('aborts the loader, fails every caller, and frees the flight and the lease', () => {
    const fleet = new Fleet({ instances: 2 });
    const loads = new HeldLoads<string>();
    const options = { hardTimeout: 200 };
    const callers = [1, 2].map(() => watch(fleet.cache(0).getOrSet('k', loads.loader, options)));
    fleet.run(190);
    expect(callers[0]?.state).toBe('pending');
    fleet.run(20);
    for (const caller of callers) expect(() => caller.value()).toThrow(LoadTimeoutError);
    expect(loads.signal().reason).toBeInstanceOf(LoadTimeoutError);
    expect(fleet.cache(0).health().flights).toBe(0);
    const began = fleet.time.now;
    expect(fleet.settle(fleet.cache(1).lookup('k', () => 'second'))).toMatchObject({ value: 'second', tier: 'source' });
    expect(fleet.time.now - began).toBeLessThan(10);
  });

  test('names the key and the time', () => {
    const fleet = new Fleet();
    const error = fleet.failure(fleet.cache().getOrSet('slow', new HeldLoads<string>().loader, { hardTimeout: 50 }));
    expect(error).toMatchObject({
      code: 'LOAD_TIMEOUT',
      key: 'slow',
      tier: 'source',
      message: 'Loading key "slow" took longer than its hardTimeout of 50 ms',
    });
  });

  test('answers stale where staleIfError allows it', () => {
    const fleet = new Fleet({ defaults: { ttl: '1s', staleIfError: '1h', hardTimeout: 100 } });
    fleet.settle(fleet.cache().getOrSet('k', () => 'old'));
    fleet.run(1_000);
    const lookup = fleet.settle(fleet.cache().lookup('k', new HeldLoads<string>().loader));
    expect(lookup).toMatchObject({ value: 'old', state: 'stale' });
    expect(fleet.member().failures[0]?.error).toBeInstanceOf(LoadTimeoutError);
  });

  test('drops what the loader brings afterwards, value or error', () => {
    const fleet = new Fleet();
    const loads = new HeldLoads<string>();
    for (const end of [() => loads.answer('late'), () => loads.fail(new Error('late'))]) {
      fleet.failure(fleet.cache().getOrSet('k', loads.loader, { hardTimeout: 50 }));
      end();
      fleet.run(10);
      expect(fleet.settle(fleet.cache().get('k'))).toBeUndefined();
    }
  });
});

describe('softTimeout', () => {
  const defaults = { ttl: '1s', staleIfError: '1h', softTimeout: 100 } as const;

  function expired(options: ConstructorParameters<typeof Fleet>[0]): Fleet {
    const fleet = new Fleet(options);
    fleet.settle(fleet.cache().getOrSet('k', () => 'old'));
    fleet.run(1_000);
    return fleet;
  }

  test('answers stale after that time, and the load goes on for the next caller', () => {
    const fleet = expired({ defaults });
    const loads = new HeldLoads<string>();
    const began = fleet.time.now;
    const lookup = fleet.settle(fleet.cache().lookup('k', loads.loader));
    expect(fleet.time.now - began).toBeWithin(100, 102);
    expect(lookup).toMatchObject({ value: 'old', state: 'stale' });
    expect(loads.signal().aborted).toBe(false);
    loads.answer('new');
    fleet.run(5);
    expect(fleet.settle(fleet.cache().lookup('k', loads.loader))).toMatchObject({ value: 'new', tier: 'l1' });
    expect(loads.count).toBe(1);
  });

  test('answers the new value if it comes in time', () => {
    const fleet = expired({ defaults });
    const loads = new HeldLoads<string>();
    const caller = watch(fleet.cache().getOrSet('k', loads.loader));
    fleet.run(90);
    loads.answer('new');
    fleet.run(5);
    expect(caller.value()).toBe('new');
  });

  test('also when it is L2 that keeps the caller waiting', () => {
    const fleet = expired({ defaults: { ...defaults, softTimeout: 20 } });
    fleet.hold('request', ' acquire k');
    const began = fleet.time.now;
    expect(fleet.settle(fleet.cache().lookup('k', () => 'new'))).toMatchObject({
      value: 'old',
      state: 'stale',
      tier: 'l1',
    });
    expect(fleet.time.now - began).toBeWithin(20, 22);
  });

  test('answers as soon as a stale value is met, when the time is over before', () => {
    const fleet = expired({ instances: 2, defaults: { ...defaults, softTimeout: 10, l2Timeout: 100 } });
    const gate = fleet.hold('reply', 'i1.data acquire k');
    const loads = new HeldLoads<string>();
    const caller = watch(fleet.cache(1).lookup('k', loads.loader));
    fleet.run(30);
    expect(caller.state).toBe('pending');
    gate.open();
    fleet.run(5);
    expect(caller.value()).toMatchObject({ value: 'old', state: 'stale', tier: 'l2' });
    expect(loads.count).toBe(1);
  });

  test('also while another instance loads, and the stale value is in L2 alone', () => {
    const fleet = expired({ instances: 2, defaults });
    const loads = new HeldLoads<string>();
    watch(fleet.cache(0).lookup('k', loads.loader));
    fleet.run(5);
    const began = fleet.time.now;
    const lookup = fleet.settle(fleet.cache(1).lookup('k', loads.loader));
    expect(fleet.time.now - began).toBeWithin(100, 102);
    expect(lookup).toMatchObject({ value: 'old', state: 'stale', tier: 'l2' });
    expect(loads.count).toBe(1);
    loads.answer('new');
    fleet.run(60);
    expect(fleet.settle(fleet.cache(1).lookup('k', loads.loader))).toMatchObject({ value: 'new', tier: 'l1' });
  });

  test('also while as many load the key as may, and the caller may join none of them', () => {
    const fleet = expired({ tiers: 'l1', defaults });
    const loads = new HeldLoads<string>();
    const ask = () => fleet.cache().lookup('k', loads.loader);
    for (let load = 0; load < 2; load += 1) {
      watch(ask());
      fleet.run(5);
      fleet.settle(fleet.cache().expire('k'));
    }
    const began = fleet.time.now;
    expect(fleet.settle(ask())).toMatchObject({ value: 'old', state: 'stale', tier: 'l1', collapsed: false });
    expect(fleet.time.now - began).toBeWithin(100, 102);
    expect(loads.count).toBe(2);
    const waiting = watch(ask());
    fleet.run(50);
    loads.answer('new', 0);
    fleet.run(5);
    loads.answer('newer');
    fleet.run(5);
    expect([waiting.value().value, loads.count]).toEqual(['newer', 3]);
  });

  test('waits on when there is nothing stale to answer', () => {
    const fleet = new Fleet({ defaults });
    const loads = new HeldLoads<string>();
    const caller = watch(fleet.cache().getOrSet('k', loads.loader));
    fleet.run(500);
    expect(caller.state).toBe('pending');
    loads.answer('new');
    fleet.run(5);
    expect(caller.value()).toBe('new');
  });
});

/** A loader of many keys that asks the other for its first. */
const manyOf =
  (loader: Loader<string>): ManyLoader<string> =>
  async ({ keys: [key = ''], signal }) => [
    [key, await loader({ key, signal, stale: undefined, setTtl() {}, setTags() {}, skip() {} })],
  ];

describe('a caller’s signal', () => {
  test('that is aborted already loads nothing', () => {
    const fleet = new Fleet();
    const loads = new HeldLoads<string>();
    const reason = new Error('left');
    const error = fleet.failure(fleet.cache().getOrSet('k', loads.loader, { signal: AbortSignal.abort(reason) }));
    expect(error).toBe(reason);
    expect(loads.count).toBe(0);
  });

  test.each<[string, (cache: TieredCache, loader: Loader<string>, signal: AbortSignal) => Promise<unknown>]>([
    ['getOrSet', (cache, loader, signal) => cache.getOrSet('k', loader, { signal, l2Timeout: 3_000 })],
    ['lookup', (cache, loader, signal) => cache.lookup('k', loader, { signal, l2Timeout: 3_000 })],
    [
      'getOrSetMany',
      (cache, loader, signal) => cache.getOrSetMany(['k', 'l'], manyOf(loader), { signal, l2Timeout: 3_000 }),
    ],
  ])(
    'that is aborted while %s waits for the first contact with L2 ends the call at once and loads nothing',
    (_, call) => {
      const fleet = new Fleet({ warm: false });
      fleet.hold('request', 'i0.data heartbeat');
      const loads = new HeldLoads<string>();
      const leaving = new AbortController();
      const caller = watch(call(fleet.cache(), loads.loader, leaving.signal));
      fleet.run(100);
      expect(caller.state).toBe('pending');
      const reason = new Error('left');
      leaving.abort(reason);
      fleet.run(1);
      expect(() => caller.value()).toThrow(reason);
      fleet.run(5_000);
      expect(loads.count).toBe(0);
    },
  );

  test('that is aborted while warm waits for the first contact with L2 ends it at once', () => {
    const fleet = new Fleet({ warm: false, defaults: { l2Timeout: 3_000 } });
    fleet.hold('request', 'i0.data heartbeat');
    const loads = new HeldLoads<string>();
    const leaving = new AbortController();
    const warming = watch(fleet.cache().warm([{ key: 'k', loader: loads.loader }], { signal: leaving.signal }));
    fleet.run(100);
    leaving.abort(new Error('left'));
    fleet.run(1);
    expect(warming.value()).toMatchObject({ done: 0 });
    fleet.run(5_000);
    expect(loads.count).toBe(0);
  });

  test('lets this caller go alone: the load goes on for the others', () => {
    const fleet = new Fleet();
    const loads = new HeldLoads<string>();
    const leaving = new AbortController();
    const first = watch(fleet.cache().getOrSet('k', loads.loader, { signal: leaving.signal }));
    const second = watch(fleet.cache().getOrSet('k', loads.loader));
    fleet.run(5);
    const reason = new Error('left');
    leaving.abort(reason);
    expect(() => first.value()).toThrow(reason);
    expect(loads.signal().aborted).toBe(false);
    loads.answer('value');
    fleet.run(5);
    expect(second.value()).toBe('value');
  });

  test('ends the load when the last one goes, and gives the lease back', () => {
    const fleet = new Fleet({ instances: 2 });
    const loads = new HeldLoads<string>();
    const leaving = [new AbortController(), new AbortController()];
    const callers = leaving.map(({ signal }) => watch(fleet.cache(0).getOrSet('k', loads.loader, { signal })));
    fleet.run(5);
    leaving[0]?.abort(new Error('first'));
    expect(loads.signal().aborted).toBe(false);
    leaving[1]?.abort(new Error('last'));
    expect(loads.signal().reason).toMatchObject({ message: 'last' });
    for (const caller of callers) expect(caller.state).toBe('rejected');
    fleet.run(5);
    expect(fleet.settle(fleet.cache(1).lookup('k', () => 'second')).tier).toBe('source');
  });

  test('is not joined any more once everybody has left: the next caller loads anew', () => {
    const fleet = new Fleet();
    const loads = new HeldLoads<string>();
    const leaving = new AbortController();
    const first = watch(fleet.cache().getOrSet('k', loads.loader, { signal: leaving.signal }));
    fleet.run(5);
    leaving.abort();
    const second = watch(fleet.cache().getOrSet('k', loads.loader));
    fleet.run(60);
    loads.answer('second');
    fleet.run(5);
    expect(first.state).toBe('rejected');
    expect(second.value()).toBe('second');
  });

  test('is heeded while the caller waits for room, when two loads of the key are running', () => {
    const fleet = new Fleet();
    const loads = new HeldLoads<string>();
    const running = [1, 2].map(() => watch(fleet.cache().getOrSet('k', loads.loader, { forceFresh: true })));
    fleet.run(60);
    expect(loads.count).toBe(2);
    const leaving = new AbortController();
    const third = watch(fleet.cache().getOrSet('k', loads.loader, { forceFresh: true, signal: leaving.signal }));
    fleet.run(5);
    const reason = new Error('left');
    leaving.abort(reason);
    expect(() => third.value()).toThrow(reason);
    for (const index of [0, 1]) loads.answer('done', index);
    fleet.run(5);
    for (const each of running) expect(each.value()).toBe('done');
    expect(loads.count).toBe(2);
  });

  test('has no effect on a hit', () => {
    const fleet = new Fleet();
    fleet.settle(fleet.cache().getOrSet('k', () => 1));
    const { signal } = new AbortController();
    expect(fleet.settle(fleet.cache().getOrSet('k', () => 2, { signal }))).toBe(1);
  });
});
