import { afterAll, beforeAll, expect, setDefaultTimeout, test } from 'bun:test';
import { Redis } from 'ioredis';
import postgres, { type Sql } from 'postgres';
import { until } from '../../src/testing/until.ts';
import { startRedis, uniqueNamespace } from '../support/redis-server.ts';
import type { ServiceProcess } from '../support/service-process.ts';
import { type CatalogEnvironment, makeCatalogEnvironment } from './support/catalog-environment.ts';
import { productPath, readProduct, renameProduct } from './support/catalog-requests.ts';
import { startInstance } from './support/instances.ts';
import { FROM_L1, provenanceOf } from './support/provenance.ts';

setDefaultTimeout(30_000);

/** One second for the relay, and D. */
const KNOWN_WITHIN_MS = 2_500;

const owned = new AsyncDisposableStack();
let catalog: CatalogEnvironment;
let sql: Sql;
let environments: CatalogEnvironment['env'][];
let services: ServiceProcess[];

beforeAll(async () => {
  catalog = owned.use(await makeCatalogEnvironment());
  sql = owned.adopt(postgres(catalog.database.url, { max: 1 }), (client) => client.end());
  const redis = owned.use(await startRedis());
  environments = [
    catalog.env,
    { ...catalog.env, CACHE_NAMESPACE: uniqueNamespace('other') },
    { ...catalog.env, REDIS_URL: redis.url },
  ];
  services = await Promise.all(environments.map((env) => startInstance(owned, env)));
});

afterAll(() => owned.disposeAsync());

async function warm(id: number): Promise<void> {
  for (const service of services) await readProduct(service, id);
  for (const service of services) expect(provenanceOf(await service.fetch(productPath(id)))).toEqual(FROM_L1);
}

async function expectKnown(id: number, name: string): Promise<void> {
  for (const service of services) {
    await until(async () => (await readProduct(service, id)).name === name, {
      what: `${name} at ${service.url}`,
      within: KNOWN_WITHIN_MS,
    });
  }
}

test('caches in other namespaces and other Redises share an outbox, and each hears of every change', async () => {
  for (let id = 1; id <= 5; id += 1) {
    await warm(id);
    await sql`update products set name = ${`Changed ${id}`} where id = ${id}`;
    await expectKnown(id, `Changed ${id}`);
  }
  for (const [index, service] of services.entries()) {
    const id = 11 + index;
    await warm(id);
    expect((await renameProduct(service, id, `Renamed ${id}`)).status).toBe(200);
    await expectKnown(id, `Renamed ${id}`);
  }
  const waiting = () => sql`select from tiercel_outbox where delivered_at is null`;
  await until(async () => (await waiting()).length === 0, { what: 'every row to be marked' });
});

test('one that was away while others were not begins with nothing', async () => {
  const [, away] = services;
  const [, env] = environments;
  if (away === undefined || env === undefined) throw new Error('There is no second service');
  await warm(21);
  await away.stop();
  // As if that had been a while ago: nobody waits for it any more.
  const redis = new Redis(env.REDIS_URL);
  const cache = await redis.hget(`{${env.CACHE_NAMESPACE}.0}:history`, 'identity');
  redis.disconnect();
  const { count } = await sql`
    update tiercel_outbox_caches set seen_at = now() - interval '1 minute' where cache = ${cache}`;
  expect(count).toBe(1);
  await sql`update products set name = 'Missed' where id = 21`;
  const marked = () =>
    sql`select from tiercel_outbox where keys = '{product:1:21,product:21,dashboard:org:1}' and delivered_at is not null`;
  await until(async () => (await marked()).length > 0, { what: 'the others to have it' });
  const back = await startInstance(owned, env);
  expect((await readProduct(back, 21)).name).toBe('Missed');
});
