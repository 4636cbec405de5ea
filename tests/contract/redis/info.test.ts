import { describe, expect, test } from 'bun:test';
import fc from 'fast-check';
import { keyspace } from '../../../src/adapters/redis/protocol/keyspace.ts';
import { parseInfo } from '../../../src/adapters/redis/protocol/parse-info.ts';
import { toId } from '../../../src/core/model/key.ts';
import { CACHE } from '../../../src/testing/contracts/harness.ts';

/** As Redis 7 writes it, shortened. */
const REDIS = `# Server
redis_version:7.0.15
uptime_in_seconds:90

# Clients
connected_clients:12
blocked_clients:1

# Memory
used_memory:966272
used_memory_human:943.62K
used_memory_peak:1048576
maxmemory:2097152
maxmemory_policy:allkeys-lru
mem_fragmentation_ratio:1.38

# Persistence
rdb_changes_since_last_save:7
rdb_last_save_time:1795656656
rdb_last_bgsave_status:err
aof_enabled:1
aof_last_bgrewrite_status:ok
aof_last_write_status:ok

# Stats
instantaneous_ops_per_sec:250
rejected_connections:3
expired_keys:4
evicted_keys:5
keyspace_hits:30
keyspace_misses:10

# Commandstats
cmdstat_get:calls=40,usec=80,usec_per_call=2.00,rejected_calls=1,failed_calls=2
cmdstat_config|get:calls=1,usec=13,usec_per_call=13.00,rejected_calls=0,failed_calls=0

# Keyspace
db0:keys=100,expires=90,avg_ttl=5000
db3:keys=17,expires=0,avg_ttl=0
`.replaceAll('\n', '\r\n');

describe('what INFO answers', () => {
  test('is read field by field', () => {
    expect(parseInfo(REDIS, 3)).toEqual({
      version: '7.0.15',
      uptimeMs: 90_000,
      keys: 17,
      memory: {
        usedBytes: 966_272,
        peakBytes: 1_048_576,
        limitBytes: 2_097_152,
        fragmentationRatio: 1.38,
        evictionPolicy: 'allkeys-lru',
      },
      commands: {
        perSecond: 250,
        hits: 30,
        misses: 10,
        hitRate: 0.75,
        evictedKeys: 5,
        expiredKeys: 4,
        byName: {
          get: { calls: 40, meanMicros: 2, failed: 2, rejected: 1 },
          'config|get': { calls: 1, meanMicros: 13, failed: 0, rejected: 0 },
        },
      },
      clients: { connected: 12, blocked: 1, rejected: 3 },
      persistence: {
        lastSaveAt: 1_795_656_656_000,
        changesSinceSave: 7,
        lastSaveOk: false,
        aofEnabled: true,
        aofOk: true,
      },
    });
  });

  test('of Valkey tells Valkey’s version, not that of the Redis it is compatible with', () => {
    expect(parseInfo('redis_version:7.2.4\r\nserver_name:valkey\r\nvalkey_version:8.1.0\r\n', 0).version).toBe('8.1.0');
  });

  test('without a limit has none, and a database without keys has no line', () => {
    const { memory, keys } = parseInfo(REDIS.replace('maxmemory:2097152', 'maxmemory:0'), 1);
    expect([memory.limitBytes, keys]).toEqual([Infinity, 0]);
  });

  test('that says nothing is no alarm', () => {
    const { memory, commands, persistence, ...rest } = parseInfo('', 0);
    expect(rest).toMatchObject({ version: 'unknown', uptimeMs: 0, keys: 0 });
    expect(memory).toMatchObject({ usedBytes: 0, limitBytes: Infinity });
    expect(commands).toMatchObject({ hitRate: 0, byName: {} });
    expect(persistence).toMatchObject({ lastSaveOk: true, aofEnabled: false, aofOk: true });
  });

  test('may hold anything: figures stay figures, and names names', () => {
    const numbers = (value: unknown): unknown[] =>
      typeof value === 'object' && value !== null ? Object.values(value).flatMap(numbers) : [value];
    const line = fc.oneof(
      fc.string(),
      fc.constantFrom(...REDIS.split('\r\n'), 'used_memory:-nan', 'evicted_keys:-5', 'cmdstat_:calls', 'db0:keys'),
      fc.string().map((text) => `used_memory:${text}`),
      fc.string().map((text) => `cmdstat___proto__:calls=${text}`),
    );
    fc.assert(
      fc.property(fc.array(line), (lines) => {
        const info = parseInfo(lines.join('\r\n'), 0);
        for (const value of numbers(info)) if (typeof value === 'number') expect(value).toBeGreaterThanOrEqual(0);
        expect(Object.getPrototypeOf(info.commands.byName)).toBe(Object.prototype);
      }),
    );
  });
});

describe('the name of an evicted key', () => {
  const keys = keyspace('shop', CACHE, 0);

  test.each([
    ['', 'product:17'],
    ['a', 'b:c'],
    ['a:b', 'c'],
    ['tenant\u001finner', 'product:17:{x}'],
  ])('of namespace %p and key %p is read back', (namespace, key) => {
    const id = toId(namespace, key);
    expect(keys.idOfEntry(keys.entry(id, 'Gen_-1'))).toBe(id);
  });

  test.each([
    [keys.tag('product:17', 'g')],
    [keys.claim('product:17', 'g')],
    [keys.history],
    [keyspace('shop2', CACHE, 0).entry('product:17', 'g')],
    ['{shop.0}:e:'],
    ['{shop.0}:e:2.4:g:'],
    ['{shop.0}:e:2.4:g:9:short'],
    ['session:17'],
  ])('%p is no entry’s', (key) => {
    expect(keys.idOfEntry(key)).toBeUndefined();
  });
});
