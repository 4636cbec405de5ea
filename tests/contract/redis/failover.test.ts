import { afterAll, beforeAll, expect, setDefaultTimeout, test } from 'bun:test';
import { once } from 'node:events';
import { type AddressInfo, connect as connectSocket, createServer, type Server, type Socket } from 'node:net';
import { redis } from '../../../src/adapters/redis/index.ts';
import { connect, token } from '../../../src/testing/contracts/harness.ts';
import { until } from '../../../src/testing/until.ts';
import { type RedisServer, startRedis, uniqueNamespace } from '../../support/redis-server.ts';
import { SERVERS_TIME_LIMIT_MS } from '../../support/time-limit.ts';

setDefaultTimeout(SERVERS_TIME_LIMIT_MS);

// One address, two servers behind it, as after a failover: what is open may still lead to the old one.

let old: RedisServer;
let promoted: RedisServer;
let address: Server;
let present: RedisServer;
const links = new Set<{ readonly client: Socket; server: Socket }>();

function dial(client: Socket): Socket {
  const server = connectSocket(present.port, present.host);
  const cut = () => client.destroy();
  server.on('error', cut).on('close', cut);
  client.pipe(server).pipe(client);
  return server;
}

beforeAll(async () => {
  [old, promoted] = await Promise.all([startRedis(), startRedis()]);
  present = old;
  address = createServer((client) => {
    const link = { client, server: dial(client) };
    links.add(link);
    client.on('error', () => undefined);
    client.on('close', () => {
      links.delete(link);
      link.server.destroy();
    });
  });
  address.listen(0, '127.0.0.1');
  await once(address, 'listening');
});

afterAll(async () => {
  address.close();
  for (const { client } of links) client.destroy();
  await Promise.all([old.stop(), promoted.stop()]);
});

const url = () => `redis://127.0.0.1:${(address.address() as AddressInfo).port}`;

test('one connection that finds another server takes the others along', async () => {
  present = old;
  const { tier, events } = await connect(redis(url(), { namespace: uniqueNamespace(), connections: 3 }).l2);
  const before = await tier.heartbeat('one', token());
  present = promoted;
  const [first] = links;
  first?.client.destroy();
  await until(() => events.length === 3, { what: 'all connections to the new server' });
  expect(events).toEqual(['connected', 'disconnected', 'connected']);
  const epochs = new Set<string>();
  for (let turn = 0; turn < 3; turn++) epochs.add((await tier.heartbeat('one', token())).epoch);
  expect(epochs.size).toBe(1);
  expect(epochs).not.toContain(before.epoch);
  await tier.close();
});

test('another server under an open connection is noticed by the heartbeat', async () => {
  present = old;
  const { tier, events } = await connect(redis(url(), { namespace: uniqueNamespace() }).l2);
  const before = await tier.heartbeat('one', token());
  present = promoted;
  for (const link of links) {
    link.server.unpipe().removeAllListeners('close').destroy();
    link.client.unpipe();
    link.server = dial(link.client);
  }
  const refused = await tier.heartbeat('one', token()).catch((error) => error);
  expect(refused).toMatchObject({ failure: 'unavailable', message: 'Another server answers on this connection' });
  await until(() => events.length === 3, { what: 'a connection of its own to the new server' });
  expect((await tier.heartbeat('one', token())).epoch).not.toBe(before.epoch);
  await tier.close();
});
