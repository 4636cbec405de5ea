import { describe, expect, test } from 'bun:test';
import { parseInfo } from '../../src/adapters/redis/protocol/parse-info.ts';
import type { CacheHealth } from '../../src/core/stats.ts';
import { memoryAdvice, remoteHealth } from '../../src/service/routes/remote-health.ts';

type RemoteHealth = NonNullable<CacheHealth['l2']>;

const UNSEEN: RemoteHealth = {
  healthy: true,
  connected: true,
  latencyMs: undefined,
  breaker: 'closed',
  server: undefined,
  serverAgeMs: undefined,
  isMemoryNearLimit: false,
  isEvicting: false,
  sweeping: false,
};

const server = (policy: string) => parseInfo(`used_memory:950\r\nmaxmemory:1000\r\nmaxmemory_policy:${policy}`, 0);

test('what is not known yet is null, and so is a limit that is none', () => {
  expect(remoteHealth(UNSEEN)).toEqual({
    healthy: true,
    connected: true,
    latencyMs: null,
    breaker: 'closed',
    keyCount: null,
    memoryBytes: null,
    memory: null,
    evicting: false,
    sweeping: false,
    serverAgeMs: null,
  });
  const seen = remoteHealth({ ...UNSEEN, server: parseInfo('used_memory:950', 0), serverAgeMs: 5 });
  expect(JSON.parse(JSON.stringify(seen))).toMatchObject({
    keyCount: 0,
    memoryBytes: 950,
    memory: { usedBytes: 950, limitBytes: null, nearLimit: false },
    serverAgeMs: 5,
  });
});

describe('advice on memory', () => {
  test('is none while there is room', () => {
    expect(memoryAdvice(undefined)).toBeUndefined();
    expect(memoryAdvice(UNSEEN)).toBeUndefined();
  });

  test.each([
    ['a server that will refuse', { server: server('noeviction'), isMemoryNearLimit: true }, 'allkeys-lru'],
    ['a server that will drop keys', { server: server('allkeys-lru'), isMemoryNearLimit: true }, 'will drop keys'],
    ['a server that drops keys', { server: server('allkeys-lru'), isEvicting: true }, 'Redis drops keys'],
  ])('of %s', (_what, seen, advice) => {
    expect(memoryAdvice({ ...UNSEEN, ...seen })).toContain(advice);
  });
});
