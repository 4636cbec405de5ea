import { describe, expect, test } from 'bun:test';
import { lru } from '../../../src/adapters/lru/index.ts';
import { MemoryOutbox, MemoryOutboxTable, MemoryServer, memoryLocalTier } from '../../../src/adapters/memory/index.ts';
import type { CacheOptions } from '../../../src/core/cache-options.ts';
import { assembleCache } from '../../../src/core/create-cache.ts';
import { MAX_DEPTH } from '../../../src/core/model/value.ts';
import type { RemoteTier, StoredRecord } from '../../../src/core/ports/remote-tier.ts';
import { systemClock } from '../../../src/core/primitives/clock.ts';
import { CodecError, InvalidOptionError, InvalidValueError } from '../../../src/index.ts';
import { overriding } from '../../../src/testing/chaos/overriding.ts';
import { Fleet } from '../../support/core-fixture.ts';
import { watch } from '../../support/watch.ts';

const KEYS = Array.from({ length: 10 }, (_, index) => `k${index}`);

/** All keys in one turn, each by a call of its own. */
function readAll(fleet: Fleet): unknown[] {
  const reads = KEYS.map((key) => watch(fleet.cache().getOrSet(key, () => `loaded ${key}`)));
  fleet.run(20);
  return reads.map((read) => (read.state === 'fulfilled' ? read.value() : read.state));
}

/** Closes all caches: that none of their flights is left is what lets them end. */
function close(fleet: Fleet): void {
  for (const { cache } of fleet.members) fleet.settle(cache.close());
}

describe('one of ten keys whose size cannot be told', () => {
  for (const [what, size] of Object.entries({ NaN: () => Number.NaN, 'an error': throwing })) {
    test(`is answered and not kept, and the others are kept: ${what}`, () => {
      const fleet = new Fleet({
        remake: (options) => ({
          ...options,
          l1: lru({ sizeOf: ({ value }) => (String(value).endsWith('k3') ? size() : 100) }),
        }),
      });
      const values = KEYS.map((key) => `loaded ${key}`);
      expect(readAll(fleet)).toEqual(values);
      const kept = KEYS.map((key) => fleet.cache().peek(key) !== undefined);
      expect(kept).toEqual(KEYS.map((key) => key !== 'k3'));
      // From L2, where all hits of one turn are answered together.
      fleet.member().failures.length = 0;
      fleet.settle(fleet.cache().clear());
      expect(readAll(fleet)).toEqual(values);
      expect(readAll(fleet)).toEqual(values);
      const { failures } = fleet.member();
      expect(failures.length).toBeGreaterThan(0);
      for (const failure of failures) expect(failure).toMatchObject({ tier: 'l1', operation: 'set', key: 'k3' });
      if (what === 'NaN') expect(failures[0]?.error).toBeInstanceOf(InvalidOptionError);
      close(fleet);
    });
  }
});

function throwing(): number {
  throw new Error('No size');
}

/** An L2 in which one key holds a value nested 50,000 levels deep, which is well-formed JSON. */
function deepIn(key: string): (options: CacheOptions) => CacheOptions {
  const nested = '['.repeat(50_000) + ']'.repeat(50_000);
  const deepen = <R extends StoredRecord | Error>(record: R): R => {
    if (record instanceof Error || record.kind !== 'value') return record;
    const { value } = record;
    return { ...record, value: { ...value, body: String(value.body).replace(`"loaded ${key}"`, nested) } };
  };
  return (options) => {
    const l2 = options.l2;
    if (l2 === undefined) return options;
    return {
      ...options,
      l2: overriding<RemoteTier>(l2, {
        acquire: async (...given) => deepen(await l2.acquire(...given)),
        acquireMany: async (...given) => (await l2.acquireMany(...given)).map(deepen),
        read: async (...given) => deepen(await l2.read(...given)),
        readMany: async (...given) => (await l2.readMany(...given)).map(deepen),
      }),
    };
  };
}

describe('a record that is nested 50,000 levels deep', () => {
  test('is a miss that onError hears of, and the others of its turn are hits', () => {
    const fleet = new Fleet({
      instances: 2,
      remake: (options, member) => (member === 0 ? deepIn('k3')(options) : options),
    });
    for (const key of KEYS) fleet.settle(fleet.cache(1).getOrSet(key, () => `loaded ${key}`));
    expect(readAll(fleet)).toEqual(KEYS.map((key) => `loaded ${key}`));
    const told = fleet.member().failures.filter(({ operation }) => operation === 'decode');
    expect(told.map(({ key, tier }) => [key, tier])).toEqual([['k3', 'l2']]);
    expect(told[0]?.error).toBeInstanceOf(CodecError);
    expect(fleet.cache().stats().loads).toBe(1);
    close(fleet);
  });

  test('is nothing to get and getMany', () => {
    const fleet = new Fleet({
      instances: 2,
      remake: (options, member) => (member === 0 ? deepIn('k3')(options) : options),
    });
    for (const key of KEYS) fleet.settle(fleet.cache(1).getOrSet(key, () => `loaded ${key}`));
    const found = KEYS.map((key) => (key === 'k3' ? undefined : `loaded ${key}`));
    expect(fleet.settle(fleet.cache().getMany<string>(KEYS))).toEqual(found);
    expect(fleet.settle(fleet.cache().get('k3'))).toBeUndefined();
    close(fleet);
  });

  test('is a miss as well where values are not frozen, so an L1 that weighs entries never meets it', () => {
    const fleet = new Fleet({
      instances: 2,
      freeze: false,
      remake: (options, member) => (member === 0 ? { ...deepIn('k3')(options), l1: lru() } : options),
    });
    for (const key of KEYS) fleet.settle(fleet.cache(1).getOrSet(key, () => `loaded ${key}`));
    expect(readAll(fleet)).toEqual(KEYS.map((key) => `loaded ${key}`));
    expect(fleet.member().failures.map(({ tier, key }) => [tier, key])).toEqual([['l2', 'k3']]);
    expect(fleet.member().failures[0]?.error).toBeInstanceOf(CodecError);
    close(fleet);
  });

  test('cannot come from here: what is loaded or set may be no deeper than what is read', () => {
    const fleet = new Fleet({ instances: 2 });
    const nested = (depth: number): unknown => (depth === 0 ? 0 : [nested(depth - 1)]);
    const deepest = nested(MAX_DEPTH);
    fleet.settle(fleet.cache(0).getOrSet<unknown>('deepest', () => deepest));
    expect(fleet.settle(fleet.cache(1).get('deepest'))).toEqual(deepest);
    expect(fleet.failure(fleet.cache(0).getOrSet<unknown>('deeper', () => nested(MAX_DEPTH + 1)))).toBeInstanceOf(
      InvalidValueError,
    );
    close(fleet);
  });
});

describe('an L1 that fails to remove an entry', () => {
  test('answers nothing until it has been cleared, and then serves again', () => {
    const fleet = new Fleet();
    const { l1 } = fleet.member();
    const failing = { isArmed: false };
    const stubborn = new Fleet({
      remake: (options) => ({
        ...options,
        l1: overriding(options.l1, {
          delete: (id) => (failing.isArmed ? throwing() : options.l1.delete(id)),
          clear: () => (failing.isArmed ? throwing() : options.l1.clear()),
        }),
      }),
    });
    expect(l1.usage().entries).toBe(0);
    const row = { value: 'old' };
    stubborn.settle(stubborn.cache().getOrSet('k', () => row.value));
    failing.isArmed = true;
    row.value = 'new';
    stubborn.settle(stubborn.cache().delete('k'));
    expect(stubborn.cache().peek<string>('k')).toBeUndefined();
    expect(stubborn.settle(stubborn.cache().getOrSet('k', () => row.value))).toBe('new');
    expect(stubborn.cache().peek<string>('k')).toBeUndefined();
    failing.isArmed = false;
    expect(stubborn.settle(stubborn.cache().getOrSet('other', () => 'other'))).toBe('other');
    expect([stubborn.cache().peek<string>('other'), stubborn.cache().peek<string>('k')]).toEqual(['other', undefined]);
    close(stubborn);
  });
});

describe('one order that L2 refuses', () => {
  test('stays pending, is told of once, and holds up neither the others nor the use of L2', () => {
    const refused = { isArmed: true };
    const fleet = new Fleet({
      instances: 2,
      remake: (options, member) => {
        const l2 = options.l2;
        if (member > 0 || l2 === undefined) return options;
        return {
          ...options,
          l2: overriding<RemoteTier>(l2, {
            invalidate: (order, ...given) =>
              refused.isArmed && order.targets.ids.includes('bad')
                ? Promise.reject(new Error('Refused'))
                : l2.invalidate(order, ...given),
          }),
        };
      },
    });
    const { cache, failures } = fleet.member();
    for (const key of ['bad', 'good', 'other']) fleet.settle(fleet.cache(1).getOrSet(key, () => 'old'));
    const deleting = watch(cache.delete('bad'));
    fleet.run(5);
    expect(() => deleting.value()).toThrow('The invalidation did not reach L2');
    fleet.member().tier.disconnect();
    fleet.run(5);
    fleet.failure(cache.delete('good'));
    failures.length = 0;
    fleet.member().tier.reconnect();
    fleet.run(5_000);
    expect(fleet.settle(fleet.cache(1).getOrSet('good', () => 'new'))).toBe('new');
    expect(cache.health().pending).toMatchObject({ keys: 1 });
    expect(fleet.settle(cache.lookup('other', () => 'loaded'))).toMatchObject({ value: 'old', tier: 'l2' });
    expect(fleet.settle(cache.getOrSet('bad', () => 'new'))).toBe('new');
    expect(failures.filter(({ error }) => String(error).includes('Refused')).length).toBe(1);
    refused.isArmed = false;
    fleet.run(1_000);
    expect(cache.health().pending).toMatchObject({ keys: 0 });
    expect(fleet.settle(fleet.cache(1).getOrSet('bad', () => 'new'))).toBe('new');
    close(fleet);
  });
});

describe('one row or message that cannot be applied', () => {
  const broken: { readonly ids: readonly string[]; readonly tags: readonly string[] } =
    JSON.parse('{"ids":null,"tags":[]}');

  test('empties L1, and the rows after it are followed', () => {
    const fleet = new Fleet({ tiers: 'l1', outbox: true });
    const { cache, failures } = fleet.member();
    for (const key of ['one', 'two']) fleet.settle(cache.getOrSet(key, () => 'old'));
    fleet.database.commit(broken);
    fleet.database.commit({ ids: ['one'], tags: [] });
    fleet.run(1_000);
    expect(cache.peek('one')).toBeUndefined();
    expect(cache.peek('two')).toBeUndefined();
    expect(failures.map(({ operation }) => operation)).toContain('follow');
    fleet.settle(cache.getOrSet('one', () => 'new'));
    fleet.run(1_000);
    expect(cache.peek<string>('one')).toBe('new');
    close(fleet);
  });

  test('empties L1, and the messages after it are taken', () => {
    const fleet = new Fleet({
      instances: 2,
      remake: (options, member) => {
        const bus = options.bus;
        if (member > 0 || bus === undefined) return options;
        return {
          ...options,
          bus: overriding(bus, {
            start: (instance, listener, cache) =>
              bus.start(
                instance,
                overriding(listener, {
                  onMessage: (message) =>
                    listener.onMessage(
                      message.kind === 'invalidation' && message.targets.ids.includes('odd')
                        ? { ...message, targets: broken }
                        : message,
                    ),
                }),
                cache,
              ),
          }),
        };
      },
    });
    const { cache, failures } = fleet.member();
    for (const key of ['one', 'two']) fleet.settle(cache.getOrSet(key, () => 'old'));
    fleet.settle(fleet.cache(1).delete('odd'));
    fleet.run(5);
    expect([cache.peek('one'), cache.peek('two')]).toEqual([undefined, undefined]);
    expect(failures.map(({ operation }) => operation)).toContain('message');
    for (const key of ['one', 'two']) fleet.settle(cache.getOrSet(key, () => 'old'));
    fleet.settle(fleet.cache(1).delete('one'));
    fleet.run(5);
    expect([cache.peek<string>('one'), cache.peek<string>('two')]).toEqual([undefined, 'old']);
    close(fleet);
  });
});

describe('a port that refuses to start refuses the cache', () => {
  for (const port of ['l2', 'bus', 'outbox'] as const) {
    test(`and what has started already is closed: ${port}`, async () => {
      const server = new MemoryServer();
      const closed: string[] = [];
      const connection = server.remoteTier();
      const l2 = overriding<RemoteTier>(connection, {
        close: async () => {
          closed.push('l2');
          await connection.close();
        },
      });
      const outbox = new MemoryOutbox(new MemoryOutboxTable({ clock: systemClock }), 'here');
      const ports = { l2, bus: server.bus(), outbox };
      const spoilt = { ...ports, [port]: overriding<object>(ports[port], { start: throwing }) };
      expect(() => assembleCache({ l1: memoryLocalTier(), ...spoilt })).toThrow('No size');
      for (let turn = 0; turn < 20; turn += 1) await new Promise((resolve) => setImmediate(resolve));
      // A port that did not start is not closed: it may belong to another cache.
      expect(closed).toEqual(port === 'l2' ? [] : ['l2']);
    });
  }
});
