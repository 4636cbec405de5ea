import { afterAll, beforeAll, setDefaultTimeout } from 'bun:test';
import { Redis } from 'ioredis';
import { redis } from '../../src/adapters/redis/index.ts';
import { keyspace } from '../../src/adapters/redis/protocol/keyspace.ts';
import { CACHE } from '../../src/testing/contracts/harness.ts';
import { busContract, type ContractServer, remoteTierContract } from '../../src/testing/index.ts';
import { type RedisServer, startRedis, uniqueNamespace } from '../support/redis-server.ts';
import { SERVERS_TIME_LIMIT_MS } from '../support/time-limit.ts';
import { runContract } from './run-contract.ts';

setDefaultTimeout(SERVERS_TIME_LIMIT_MS);

// A server of its own: these tests fill it up and restart it.
let server: RedisServer;
let admin: Redis;

/** All that the adapter needs: the contract passes with these rights and no others. (`client` names the connection.) */
const RIGHTS = [
  '~{test-*}:* resetchannels &{test-*}:* -@all +hello +auth +select +client',
  '+info +time +script|load +eval +evalsha +get +mget +set +getrange +setrange +hget +hset +hincrby +exists +del +unlink',
  '+pttl +pexpire +persist +scan +publish +subscribe',
].join(' ');

beforeAll(async () => {
  server = await startRedis({ config: { user: `tiercel on >secret ${RIGHTS}` } });
  admin = new Redis(server.url);
  // Losing its connection at a restart is what tests here do to it.
  admin.on('error', () => undefined);
});

afterAll(async () => {
  admin.disconnect();
  await server.stop();
});

/** That several tiers of this process are at one place is what the contract wants. */
const onWarning = (): void => {};

const serverOver =
  (connections: number, signing: { readonly integrityKey?: string } = {}) =>
  (): ContractServer => {
    const namespace = uniqueNamespace();
    const keys = keyspace(namespace, CACHE, 0);
    const url = server.url.replace('redis://', 'redis://tiercel:secret@');
    return {
      tier: () => redis(url, { namespace, connections, onWarning, ...signing }).l2,
      bus: () => redis(url, { namespace, ...signing }).bus,
      damage: async (id, generation) => void (await admin.set(keys.entry(id, generation), 'not a record')),
      setFull: async (full) => void (await admin.config('SET', 'maxmemory', full ? '1' : '0')),
      restart: async ({ keepData }) => {
        if (keepData) await admin.save();
        await server.restart({ keepData });
      },
      async [Symbol.asyncDispose]() {},
    };
  };

runContract('remote tier: redis', remoteTierContract(serverOver(1)));
runContract('remote tier: redis over three connections', remoteTierContract(serverOver(3)));
runContract('bus: redis', busContract(serverOver(1)));

const signing = { integrityKey: 'k:MDEyMzQ1Njc4OWFiY2RlZg==' };
runContract('remote tier: redis, signed', remoteTierContract(serverOver(1, signing)));
runContract('bus: redis, signed', busContract(serverOver(1, signing)));
