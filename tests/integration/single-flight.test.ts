import { afterAll, beforeAll, expect, test } from 'bun:test';
import { type PostgresServer, startPostgres } from '../support/postgres-server.ts';
import type { ServiceProcess } from '../support/service-process.ts';
import { startProxy, type TcpProxy } from '../support/tcp-proxy.ts';
import { until } from '../support/wait.ts';
import { makeCatalogEnvironment } from './support/catalog-environment.ts';
import { bomPath } from './support/catalog-requests.ts';
import { startInstance } from './support/instances.ts';
import { countStatements, LOG_STATEMENTS } from './support/postgres-statements.ts';
import { LOADED, provenanceOf } from './support/provenance.ts';
import { type RawAnswer, rawRequest } from './support/raw-http.ts';

const INSTANCES = 4;
const CALLERS = 100;
/** The statement that loads a BOM. */
const LOAD = /from boms where id = \$1/;
const COLLAPSED_HERE = 'tiercel-l1; fwd=uri-miss; collapsed';
const COLLAPSED_ELSEWHERE = 'tiercel-l2; fwd=uri-miss; collapsed, tiercel-l1; fwd=uri-miss; stored';

const owned = new AsyncDisposableStack();
let postgres: PostgresServer;
let proxy: TcpProxy;
let fleet: readonly ServiceProcess[];

beforeAll(async () => {
  postgres = owned.use(await startPostgres({ config: LOG_STATEMENTS }));
  proxy = owned.use(await startProxy({ target: postgres.url }));
  const catalog = owned.use(await makeCatalogEnvironment({ postgres: postgres.url }));
  const env = { ...catalog.env, DATABASE_URL: proxy.through(catalog.env.DATABASE_URL) };
  fleet = await Promise.all(Array.from({ length: INSTANCES }, () => startInstance(owned, env)));
}, 60_000);

afterAll(() => owned.disposeAsync());

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
  const hold = proxy.impose({ hold: true }, { direction: 'toClient' });
  const asked = askEverywhere(bomPath(id));
  await until(() => statements.count(LOAD) > 0, { what: 'the first SELECT' });
  // Answered in the order of arrival: whoever answers this has taken what was sent before.
  for (const service of [...fleet, ...fleet]) await service.fetch('/livez');
  const waiting = proxy.connections.filter(({ toClient }) => toClient.waiting > 0);
  hold.lift();
  const answers = await Promise.all(asked);

  await expectSameFor(answers, id);
  expect(waiting).toHaveLength(1);
  expect(statements.count(LOAD)).toBe(1);
  const served = Map.groupBy(answers, (answer) => provenanceOf(answer).cacheStatus);
  expect(served.get(LOADED.cacheStatus)).toHaveLength(1);
  // One flight an instance: the loader's, and three that waited for it over Redis.
  expect(served.get(COLLAPSED_ELSEWHERE)?.length).toBe(INSTANCES - 1);
  expect(served.get(COLLAPSED_HERE)?.length).toBeGreaterThan(INSTANCES * CALLERS * 0.5);
}, 30_000);

test('callers of something that does not exist are one SELECT too', async () => {
  const statements = countStatements(postgres);
  const answers = await Promise.all(askEverywhere('/api/v1/orgs/1/boms/999999'));
  expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([404]));
  expect(statements.count(LOAD)).toBe(1);
}, 30_000);
