import { describe, expect, test } from 'bun:test';
import { lru } from '../../../src/adapters/lru/index.ts';
import { MemoryOutbox, MemoryOutboxTable, MemoryServer } from '../../../src/adapters/memory/index.ts';
import { redis } from '../../../src/adapters/redis/index.ts';
import { systemClock } from '../../../src/core/primitives/clock.ts';
import { type CacheOptions, createCache } from '../../../src/index.ts';
import { ChaosBus, chaosRemoteTier } from '../../../src/testing/index.ts';

const refused = (option: string) => expect.objectContaining({ code: 'INVALID_OPTION', option });

/** Everything that a cache can be given, each of it new. */
function parts() {
  const server = new MemoryServer();
  return {
    l1: lru(),
    l2: server.remoteTier(),
    bus: server.bus(),
    outbox: new MemoryOutbox(new MemoryOutboxTable({ clock: systemClock }), 'outbox', (_what, act) =>
      Promise.resolve(act()),
    ),
  };
}

describe('an object that belongs to a cache', () => {
  test.each(['l1', 'l2', 'bus', 'outbox'] as const)(
    'is refused to a second one as its %s, also after close()',
    async (option) => {
      const first = parts();
      const cache = createCache(first);
      const second = (): CacheOptions => ({ ...parts(), [option]: first[option] });
      expect(() => createCache(second())).toThrow(refused(option));
      await cache.close();
      expect(() => createCache(second())).toThrow(refused(option));
    },
  );

  test('is refused as two parts of one cache', () => {
    const { l1, l2, bus } = parts();
    // One object that is tier and bus: nothing says that a name is free on both sides.
    const both = Object.assign(l2, { reset() {}, close: async () => {} });
    expect(() => createCache({ l1, l2: both, bus: both as unknown as typeof bus })).toThrow(refused('bus'));
  });

  test('is not taken by a cache that was refused for another reason', async () => {
    const given = parts();
    expect(() => createCache({ ...given, maxLag: 1 })).toThrow(refused('maxLag'));
    expect(() => createCache({ ...given, defaults: { ttl: -1 } })).toThrow(refused('ttl'));
    expect(() => createCache({ ...given, name: 'no namespace' })).toThrow(refused('name'));
    expect(() => createCache({ ...given, l1: takenL1 })).toThrow(refused('l1'));
    await createCache(given).close();
  });

  test('is told by its option and by what to do', () => {
    expect(() => createCache({ l1: takenL1 })).toThrow(/Option l1 must be an object of its own/);
  });
});

const takenL1 = lru();
createCache({ l1: takenL1 });

test('a bus and an L2 of different redis() calls are refused, whatever stands between', () => {
  const one = redis('redis://127.0.0.1:1');
  const other = redis('redis://127.0.0.1:1');
  const [l2, bus] = [chaosRemoteTier(one.l2), new ChaosBus(other.bus)];
  expect(() => createCache({ l1: lru(), l2: one.l2, bus: other.bus })).toThrow(refused('bus'));
  expect(() => createCache({ l1: lru(), l2, bus })).toThrow(refused('bus'));
});

test('an L2 of redis() is known again behind another object', async () => {
  const { l2, bus } = redis('redis://127.0.0.1:1');
  const cache = createCache({ l1: lru(), l2: chaosRemoteTier(l2), bus: new ChaosBus(bus) });
  expect(() => createCache({ l1: lru(), l2: chaosRemoteTier(l2) })).toThrow(refused('l2'));
  await cache.close();
});
