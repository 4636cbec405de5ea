import { afterAll, beforeAll, expect, setDefaultTimeout, test } from 'bun:test';
import { SESSION_NAME } from '../../src/adapters/postgres/own-session.ts';
import { until } from '../../src/testing/until.ts';
import { type PostgresServer, startPostgres } from '../support/postgres-server.ts';
import { postgresWire } from '../support/postgres-wire.ts';
import type { ProxyConnection } from '../support/proxy-connection.ts';
import type { ServiceProcess } from '../support/service-process.ts';
import { startProxy, type TcpProxy } from '../support/tcp-proxy.ts';
import { SERVERS_TIME_LIMIT_MS } from '../support/time-limit.ts';
import { makeCatalogEnvironment } from './support/catalog-environment.ts';
import { bomPath } from './support/catalog-requests.ts';
import { startInstance } from './support/instances.ts';
import { countStatements, LOG_STATEMENTS } from './support/postgres-statements.ts';
import { LOADED, provenanceOf } from './support/provenance.ts';
import { type RawAnswer, rawRequest } from './support/raw-http.ts';

setDefaultTimeout(SERVERS_TIME_LIMIT_MS);

const INSTANCES = 4;
const CALLERS = 100;
/** Longer than a refresh waits for more changes, and than two of them are apart. */
const QUIET_MS = 3_500;
/** The statement that loads a BOM. */
const LOAD = /from boms where id = \$1/;
/** Joined the load of this process. */
const JOINED_LOAD = 'tiercel-l1; fwd=uri-miss; collapsed';
/** Waited for the load of another process, and joined such a wait. */
const WAITED = 'tiercel-l2; fwd=uri-miss; collapsed, tiercel-l1; fwd=uri-miss; stored';
const JOINED_WAIT = 'tiercel-l2; fwd=uri-miss; collapsed, tiercel-l1; fwd=uri-miss; collapsed';

const owned = new AsyncDisposableStack();
let postgres: PostgresServer;
let proxy: TcpProxy;
let fleet: readonly ServiceProcess[];

beforeAll(async () => {
  postgres = owned.use(await startPostgres({ config: LOG_STATEMENTS }));
  proxy = owned.use(await startProxy({ target: postgres.url, ...postgresWire().observers }));
  const catalog = owned.use(await makeCatalogEnvironment({ postgres: postgres.url }));
  const env = {
    ...catalog.env,
    DATABASE_URL: proxy.through(catalog.env.DATABASE_URL),
    DATABASE_POOL: '1',
    // A Redis that is late is another matter: who gets no answer in time loads for itself.
    REDIS_TIMEOUT_MS: '2000',
  };
  fleet = await Promise.all(Array.from({ length: INSTANCES }, () => startInstance(owned, env)));
  await untilRefreshed();
  // The one connection of each is open now and knows the statement: only its execution is left to be held.
  await Promise.all(fleet.map((service, index) => service.fetch(bomPath(101 + index))));
}, 60_000);

afterAll(() => owned.disposeAsync());

/** The view is refreshed a second behind the start, over the one connection that these tests need for themselves. */
async function untilRefreshed(): Promise<void> {
  const refreshes = () => postgres.log().split('refresh materialized view').length;
  let seen = refreshes();
  let since = performance.now();
  const isQuiet = () => {
    if (refreshes() !== seen) since = performance.now();
    seen = refreshes();
    return performance.now() - since > QUIET_MS;
  };
  await until(isQuiet, { what: 'the view to be refreshed', within: 30_000 });
}

/** 100 callers at once on each instance, each over a connection of its own. */
function askEverywhere(path: string): Promise<RawAnswer>[] {
  return fleet.flatMap(({ url }) => Array.from({ length: CALLERS }, () => rawRequest(url, { path })));
}

async function expectSameFor(answers: readonly RawAnswer[], id: number): Promise<void> {
  expect(answers).toHaveLength(INSTANCES * CALLERS);
  expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([200]));
  const bodies = new Set(answers.map(({ body }) => body));
  expect(bodies.size).toBe(1);
  for (const body of bodies) expect(JSON.parse(body)).toMatchObject({ id });
}

test(`${CALLERS} callers of a cold BOM on each of ${INSTANCES} instances are one SELECT`, async () => {
  for (const id of [1, 2, 3, 4, 5]) {
    const statements = countStatements(postgres);
    await expectSameFor(await Promise.all(askEverywhere(bomPath(id))), id);
    expect(statements.count(LOAD)).toBe(1);
  }
}, 60_000);

test('they are one SELECT as well while its answer is long in coming, and each says how it was served', async () => {
  const id = 6;
  const statements = countStatements(postgres);
  // The outbox is looked into all the time, on a connection of its own.
  const isOfPool = ({ label }: ProxyConnection): boolean => label !== SESSION_NAME;
  const hold = proxy.impose({ hold: true }, { direction: 'toClient', where: isOfPool });
  const asked = Promise.all(askEverywhere(bomPath(id)));
  try {
    await until(() => statements.count(LOAD) > 0, { what: 'the first SELECT' });
    // Answered in the order of arrival: whoever answers this has taken what was sent before.
    for (const service of [...fleet, ...fleet]) await service.fetch('/livez');
    expect(proxy.connections.filter(({ toClient }) => toClient.waiting > 0)).toHaveLength(1);
  } finally {
    hold.lift();
  }
  const answers = await asked;

  await expectSameFor(answers, id);
  expect(statements.count(LOAD)).toBe(1);
  const served = (cacheStatus: string | null) =>
    answers.filter((answer) => provenanceOf(answer).cacheStatus === cacheStatus).length;
  // One flight an instance: the one that loads, and three that wait for it over Redis.
  expect([served(LOADED.cacheStatus), served(WAITED)]).toEqual([1, INSTANCES - 1]);
  expect([served(JOINED_LOAD), served(JOINED_WAIT)]).toEqual([CALLERS - 1, (INSTANCES - 1) * (CALLERS - 1)]);
}, 30_000);

test('callers of something that does not exist are one SELECT too', async () => {
  const statements = countStatements(postgres);
  const answers = await Promise.all(askEverywhere('/api/v1/orgs/1/boms/999999'));
  expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([404]));
  expect(statements.count(LOAD)).toBe(1);
}, 30_000);
