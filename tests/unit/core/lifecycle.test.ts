import { describe, expect, test } from 'bun:test';
import { CacheClosedError, InvalidationPendingError, isCacheError } from '../../../src/index.ts';
import { overriding } from '../../../src/testing/chaos/overriding.ts';
import { Fleet } from '../../support/core-fixture.ts';
import { HeldLoads } from '../../support/held-loads.ts';
import { watch } from '../../support/watch.ts';

describe('close', () => {
  test('lets running loads end and be stored, then refuses every call', () => {
    const fleet = new Fleet({ instances: 2 });
    const { cache } = fleet.member(0);
    const loads = new HeldLoads<string>();
    const loading = watch(cache.getOrSet('k', loads.loader));
    fleet.run(5);
    const closing = watch(cache.close());
    fleet.run(1_000);
    expect([loading.state, closing.state]).toEqual(['pending', 'pending']);
    loads.answer('value');
    fleet.run(500);
    expect(loading.value()).toBe('value');
    expect(closing.state).toBe('fulfilled');
    expect(fleet.settle(fleet.cache(1).get('k'))).toBe('value');
    const calls = [
      cache.getOrSet('k', () => 1),
      cache.lookup('k', () => 1),
      cache.get('k'),
      cache.has('k'),
      cache.set('k', 1),
      cache.delete('k'),
      cache.expire('k'),
      cache.invalidate({ keys: ['k'] }),
      cache.clear(),
      cache.inspect('k'),
      cache.namespace('n').getOrSet('k', () => 1),
    ];
    for (const call of calls) expect(fleet.failure(call)).toBeInstanceOf(CacheClosedError);
    expect(cache.peek('k')).toBeUndefined();
  });

  test('refuses new loads from its first moment', () => {
    const fleet = new Fleet();
    const closing = fleet.cache().close();
    const error = fleet.failure(fleet.cache().getOrSet('k', () => 1));
    expect(error).toMatchObject({ code: 'CACHE_CLOSED', message: 'The cache "i0" is closed' });
    expect(isCacheError(error)).toBe(true);
    fleet.settle(closing);
  });

  test('aborts what is still running after five seconds', () => {
    const fleet = new Fleet({ defaults: { hardTimeout: Infinity } });
    const loads = new HeldLoads<string>();
    const callers = [1, 2, 3].map(() => watch(fleet.cache().getOrSet('k', loads.loader, { forceFresh: true })));
    fleet.run(100);
    const closing = watch(fleet.cache().close());
    fleet.run(4_900);
    expect(loads.signal().aborted).toBe(false);
    fleet.run(500);
    for (const caller of callers) expect(() => caller.value()).toThrow(CacheClosedError);
    expect(loads.count).toBe(2);
    expect(loads.signal(0).reason).toBeInstanceOf(CacheClosedError);
    expect(closing.state).toBe('fulfilled');
  });

  test('waits for background refreshes and for invalidations that are on their way', () => {
    const fleet = new Fleet({ instances: 2, defaults: { ttl: '1s', staleWhileRevalidate: '1h', l2Timeout: 200 } });
    fleet.settle(fleet.cache(0).getOrSet('k', () => 'old'));
    fleet.run(1_000);
    const loads = new HeldLoads<string>();
    fleet.settle(fleet.cache(0).getOrSet('k', loads.loader));
    fleet.run(5);
    const gate = fleet.hold('request', 'i0.data invalidate other');
    const invalidating = watch(fleet.cache(0).delete('other'));
    const closing = watch(fleet.cache(0).close());
    loads.answer('new');
    fleet.run(100);
    expect(closing.state).toBe('pending');
    gate.open();
    fleet.run(500);
    expect(closing.state).toBe('fulfilled');
    expect(invalidating.value()).toBeUndefined();
    expect(fleet.settle(fleet.cache(1).get('k'))).toBe('new');
  });

  test('may be called again, by await using too, and ends while L2 is away', () => {
    const fleet = new Fleet();
    fleet.server.stop();
    fleet.run(700);
    expect(fleet.failure(fleet.cache().delete('k'))).toBeInstanceOf(InvalidationPendingError);
    const first = fleet.cache().close();
    expect(fleet.cache()[Symbol.asyncDispose]()).toBe(first);
    fleet.settle(first);
    expect(fleet.member().tier.connected).toBe(false);
  });

  test('ends while L2 is connected and silent, and something is owed to it', () => {
    const fleet = new Fleet();
    fleet.hold('request', 'i0.data scan');
    expect(fleet.failure(fleet.cache().invalidate({ pattern: 'k*' }))).toBeInstanceOf(InvalidationPendingError);
    fleet.run(1_000);
    fleet.settle(fleet.cache().close());
  });

  test('never rejects, though a connection may', () => {
    const failure = new Error('cannot be closed');
    const close = () => Promise.reject(failure);
    const fleet = new Fleet({
      weakening: { tier: (tier) => overriding(tier, { close }), bus: (bus) => overriding(bus, { close }) },
    });
    expect(fleet.settle(fleet.cache().close())).toBeUndefined();
    expect(fleet.member().failures.map(({ error, operation }) => [error, operation])).toEqual([
      [failure, 'close'],
      [failure, 'close'],
    ]);
  });

  test('sends nothing more', () => {
    const fleet = new Fleet();
    fleet.settle(fleet.cache().close());
    fleet.member().calls.length = 0;
    fleet.run(10_000);
    expect(fleet.member().calls).toEqual([]);
  });
});

describe('ready', () => {
  test('is true at once without an L2, and when L2 is in use and L1 is proven', () => {
    expect(new Fleet({ tiers: 'l1' }).settle(new Fleet({ tiers: 'l1' }).cache().ready())).toBe(true);
    for (const tiers of ['l1+l2', 'l1+l2+bus'] as const) {
      const fleet = new Fleet({ tiers, warm: false });
      const ready = watch(fleet.cache().ready());
      expect(ready.state).toBe('pending');
      fleet.run(50);
      expect(ready.value()).toBe(true);
      expect(fleet.settle(fleet.cache().ready())).toBe(true);
    }
  });

  test('is false when the time is over', () => {
    const fleet = new Fleet({ warm: false });
    fleet.server.stop();
    const began = fleet.time.now;
    expect(fleet.settle(fleet.cache().ready(300))).toBe(false);
    expect(fleet.time.now - began).toBeWithin(300, 302);
  });

  test('ends with close', () => {
    const fleet = new Fleet({ warm: false });
    fleet.server.stop();
    const ready = watch(fleet.cache().ready(60_000));
    fleet.settle(fleet.cache().close());
    expect(ready.value()).toBe(false);
  });
});

describe('who watches', () => {
  test('may throw: neither onError nor an observer disturbs a read', () => {
    const thrown = (): never => {
      throw new Error('the listener’s own');
    };
    const fleet = new Fleet({ onError: thrown });
    fleet.cache().attach({ observer: thrown });
    fleet.server.stop();
    expect(fleet.settle(fleet.cache().getOrSet('k', () => 1))).toBe(1);
    expect(fleet.failure(fleet.cache().getOrSet('l', () => Promise.reject('as thrown')))).toBe('as thrown');
    fleet.run(3_000);
    fleet.server.restart({ keepData: true });
    fleet.run(3_000);
    expect(fleet.settle(fleet.cache().lookup('m', () => 1))).toMatchObject({ steps: { l2: { stored: true } } });
  });

  test('is told until detached, and a tracer gives way to the one before it', () => {
    const fleet = new Fleet();
    const seen: string[] = [];
    const named = (name: string) => ({
      trace: <T>(
        step: string,
        _: object,
        run: (span: { ref: string; set(): void; link(): void; fail(): void }) => Promise<T>,
      ) => {
        seen.push(`${name} ${step}`);
        return run({ ref: name, set() {}, link() {}, fail() {} });
      },
      mayRecord: () => true,
      tag: () => {},
      current: () => undefined,
    });
    const read = (key: string) => fleet.settle(fleet.cache().getOrSet(key, () => 1));
    const detachOne = fleet.cache().attach({ tracer: named('one'), observer: ({ type }) => seen.push(type) });
    read('a');
    expect(seen).toEqual([
      'one cache.lookup',
      'one cache.l2.get',
      'one cache.load',
      'load',
      'one cache.l2.fill',
      'lookup',
    ]);
    const detachTwo = fleet.cache().attach({ tracer: named('two') });
    read('b');
    expect(seen).toContain('two cache.load');
    detachTwo();
    seen.length = 0;
    read('c');
    expect(seen[0]).toBe('one cache.lookup');
    detachOne();
    seen.length = 0;
    read('d');
    expect(seen).toEqual([]);
  });
});

describe('after a rest', () => {
  test('a first call that finds L2 away has waited for it once, no longer than l2Timeout', () => {
    const fleet = new Fleet();
    fleet.run(60_000);
    fleet.hold('request', 'i0.data');
    const began = fleet.time.now;
    expect(fleet.settle(fleet.cache().lookup('k', () => 1))).toMatchObject({ value: 1, tier: 'source' });
    expect(fleet.time.now - began).toBeWithin(50, 53);
  });

  test('L2 is not read before its history is confirmed, though it answers', () => {
    const fleet = new Fleet({ instances: 2 });
    fleet.settle(fleet.cache(1).getOrSet('k', () => 'perhaps old'));
    fleet.run(60_000);
    fleet.hold('request', 'i0.data heartbeat');
    const lookup = fleet.settle(fleet.cache(0).lookup('k', () => 'new'));
    expect(lookup).toMatchObject({ value: 'new', steps: { l2: { outcome: 'bypass', reason: 'untrusted' } } });
  });

  test('the first load is stored in both tiers, like any other', () => {
    const fleet = new Fleet();
    fleet.run(60_000);
    expect(fleet.settle(fleet.cache().lookup('k', () => 1))).toMatchObject({
      value: 1,
      steps: { l2: { stored: true } },
    });
    expect(fleet.settle(fleet.cache().lookup('k', () => 2))).toMatchObject({ value: 1, tier: 'l1' });
  });
});

test('a process whose tiers all fail leaves no rejection unhandled', () => {
  const unhandled: unknown[] = [];
  const note = (error: unknown): void => void unhandled.push(error);
  process.on('unhandledRejection', note);
  try {
    const fleet = new Fleet({
      defaults: { ttl: '1s', staleWhileRevalidate: '1s', staleIfError: '5s', refreshAhead: 0.5 },
    });
    const failing = () => Promise.reject(new Error('down'));
    fleet.settle(fleet.cache().getOrSet('k', () => 'old'));
    for (let round = 0; round < 40; round += 1) {
      if (round === 5) fleet.server.stop();
      if (round === 20) fleet.server.restart({ keepData: false });
      if (round === 30) fleet.hold('reply', 'i0.data');
      const signal = round % 3 === 0 ? { signal: AbortSignal.abort(new Error('left')) } : {};
      watch(fleet.cache().getOrSet('k', failing, signal));
      watch(fleet.cache().set('other', round));
      watch(fleet.cache().delete('third'));
      fleet.run(300);
    }
    watch(fleet.cache().close());
    fleet.run(20_000);
  } finally {
    process.off('unhandledRejection', note);
  }
  expect(unhandled).toEqual([]);
});
