import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from 'bun:test';
import postgres, { type Sql } from 'postgres';
import { until } from '../../src/testing/until.ts';
import { provenanceOf } from '../soak/client.ts';
import { type PostgresServer, startPostgres } from '../support/postgres-server.ts';
import { type ServiceProcess, startService } from '../support/service-process.ts';
import { startProxy, type TcpProxy } from '../support/tcp-proxy.ts';
import { makeCatalogEnvironment } from './support/catalog-environment.ts';
import { productPath, renameProduct } from './support/catalog-requests.ts';
import { printFigures, timed } from './support/measure.ts';

setDefaultTimeout(60_000);

const MAX_LAG_MS = 1_500;
/** One second for those who do not invalidate, and D. */
const SEEN_WITHIN_MS = 1_000 + MAX_LAG_MS;
const CHANGES = 20;
/** How long the database, or the way to it, is gone. */
const AWAY_MS = 3_000;
/** Of one read, the way to the service and back. */
const SLACK_MS = 100;

/** An instance without Redis, and its way to the database. */
interface Follower {
  readonly service: ServiceProcess;
  readonly link: TcpProxy;
}

const owned = new AsyncDisposableStack();
let server: PostgresServer;
let psql: Sql;
let one: Follower;
let other: Follower;

beforeAll(async () => {
  // Commits that do not wait for the disk reach it late, so that a kill undoes them.
  server = owned.use(await startPostgres({ config: { synchronous_commit: 'on', wal_writer_delay: '10000' } }));
  const catalog = owned.use(await makeCatalogEnvironment({ postgres: server.url, redis: 'none' }));
  const { url } = catalog.database;
  psql = postgres(url, { max: 1, onnotice: () => {}, backoff: () => 0.05 });
  owned.defer(() => psql.end({ timeout: 1 }));
  const start = async (): Promise<Follower> => {
    const link = owned.use(await startProxy({ target: server.url }));
    const { TIERCEL_PROFILE, AUTH } = catalog.env;
    const service = owned.use(await startService({ TIERCEL_PROFILE, AUTH, DATABASE_URL: link.through(url) }));
    return { service, link };
  };
  [one, other] = await Promise.all([start(), start()]);
});

afterAll(() => owned.disposeAsync());

interface Answer {
  readonly status: number;
  readonly name: string;
  readonly tier: string;
  readonly flagged: boolean;
}

async function read({ service }: Follower, id: number): Promise<Answer> {
  const answer = await service.fetch(productPath(id));
  const { name = '' } = (await answer.json()) as { name?: string };
  if (answer.status !== 200) return { status: answer.status, name, tier: 'none', flagged: false };
  return { status: answer.status, name, ...provenanceOf(answer.headers) };
}

async function warm(...ids: readonly number[]): Promise<void> {
  for (const follower of [one, other])
    for (const id of ids)
      await until(async () => (await read(follower, id)).tier === 'l1', { what: `product ${id} to be in L1` });
}

const rename = (id: number, name: string) => psql`update products set name = ${name} where id = ${id}`;

/** Milliseconds until an instance serves a product by this name. */
async function untilSeen(follower: Follower, id: number, name: string): Promise<number> {
  const isSeen = async () => (await read(follower, id)).name === name;
  return (await timed(() => until(isSeen, { what: `${name} to be seen`, within: 2 * SEEN_WITHIN_MS, every: 2 }))).ms;
}

test(`a PATCH by one is seen by the other in time, ${CHANGES} of ${CHANGES} times`, async () => {
  const delays = await Promise.all(
    Array.from({ length: CHANGES }, async (_, index) => {
      const [id, name] = [1 + index, `By the other ${index}`];
      await warm(id);
      expect((await renameProduct(one.service, id, name)).status).toBe(200);
      return untilSeen(other, id, name);
    }),
  );
  printFigures('without Redis: a PATCH on one instance, seen on another', delays);
  expect(Math.max(...delays)).toBeLessThan(SEEN_WITHIN_MS);
});

test(`a change by psql is seen by both in time, ${CHANGES} of ${CHANGES} times`, async () => {
  const delays: number[] = [];
  for (let round = 0; round < CHANGES; round += 1) {
    const [id, name] = [21 + round, `By psql ${round}`];
    await warm(id);
    await rename(id, name);
    delays.push(...(await Promise.all([one, other].map((follower) => untilSeen(follower, id, name)))));
  }
  printFigures('without Redis: a change by psql', delays);
  expect(Math.max(...delays)).toBeLessThan(SEEN_WITHIN_MS);
});

test('the instance that took a PATCH reads the row from the source, then from L1, and the relay does not invalidate it again', async () => {
  await warm(41);
  await renameProduct(one.service, 41, 'Mine');
  expect([await read(one, 41), await read(one, 41)]).toMatchObject([
    { name: 'Mine', tier: 'source' },
    { name: 'Mine', tier: 'l1' },
  ]);
  // Until it has certainly looked: at what psql has changed since.
  const tiers = new Set<string>();
  await warm(42);
  await rename(42, 'Theirs');
  const hasLooked = async () => {
    tiers.add((await read(one, 41)).tier);
    return (await read(one, 42)).name === 'Theirs';
  };
  await until(hasLooked, { what: 'it to have looked' });
  tiers.add((await read(one, 41)).tier);
  expect([...tiers]).toEqual(['l1']);
});

describe('while the database is gone', () => {
  /** Reads by an instance for so long, whatever comes of it. */
  async function readFor(follower: Follower, id: number, ms: number): Promise<(Answer & { at: number })[]> {
    const answers: (Answer & { at: number })[] = [];
    const began = performance.now();
    const readOn = async () => {
      const at = performance.now() - began;
      answers.push({ ...(await read(follower, id)), at });
      return performance.now() - began > ms;
    };
    await until(readOn, { what: 'the time to be over', within: 30_000 });
    return answers;
  }

  test('(stopped) what is served later than D is flagged as stale; then all is as before', async () => {
    await warm(51);
    server.pause();
    const reading = Promise.all([one, other].map((follower) => readFor(follower, 51, AWAY_MS)));
    const resumed = lasting(AWAY_MS).then(() => server.resume());
    const answers = (await reading).flat();
    await resumed;
    expect(answers.filter(({ status }) => status !== 200)).toEqual([]);
    const late = answers.filter(({ at }) => at > MAX_LAG_MS + SLACK_MS && at < AWAY_MS);
    expect(late.length).toBeGreaterThan(2);
    // The last may still wait for the database when it goes on.
    expect(late.filter(({ flagged, tier }) => !flagged && tier !== 'source')).toEqual([]);
    await rename(51, 'Afterwards');
    for (const follower of [one, other])
      expect(await untilSeen(follower, 51, 'Afterwards')).toBeLessThan(SEEN_WITHIN_MS);
  });

  test('(killed) what is served later than D is flagged as stale; then all is as before', async () => {
    await warm(52);
    await server.kill();
    const answers = (await Promise.all([one, other].map((follower) => readFor(follower, 52, AWAY_MS)))).flat();
    expect(answers.filter(({ status }) => status !== 200)).toEqual([]);
    const late = answers.filter(({ at }) => at > MAX_LAG_MS + SLACK_MS);
    expect(late.length).toBeGreaterThan(10);
    expect(late.filter(({ flagged }) => !flagged)).toEqual([]);
    await server.restart();
    await rename(52, 'Afterwards');
    for (const follower of [one, other])
      expect(await untilSeen(follower, 52, 'Afterwards')).toBeLessThan(SEEN_WITHIN_MS);
  });

  test('for one of them alone, it serves nothing that is older than allowed', async () => {
    await warm(53);
    const hole = one.link.impose({ hold: true });
    await rename(53, 'While it was cut off');
    const reading = readFor(one, 53, AWAY_MS);
    expect(await untilSeen(other, 53, 'While it was cut off')).toBeLessThan(SEEN_WITHIN_MS);
    await lasting(AWAY_MS);
    hole.lift();
    const tooOld = (await reading).filter(
      ({ at, name, flagged }) => at > MAX_LAG_MS + SLACK_MS && !flagged && name !== 'While it was cut off',
    );
    expect(tooOld).toEqual([]);
    expect(await untilSeen(one, 53, 'While it was cut off')).toBeLessThan(SEEN_WITHIN_MS);
  });
});

test('a database that has lost its last commits: what comes after them is seen like everything else', async () => {
  let tries = 0;
  const isLost = async (): Promise<boolean> => {
    tries += 1;
    const name = `Lost ${tries}`;
    await warm(61);
    await psql.begin(async (tx) => {
      await tx`set local synchronous_commit = off`;
      await tx`update products set name = ${name} where id = 61`;
    });
    for (const follower of [one, other]) await untilSeen(follower, 61, name);
    await server.kill();
    await server.restart();
    return (await psql`select from products where id = 61 and name = ${name}`).length === 0;
  };
  // A commit by somebody else may have taken it to the disk.
  await until(isLost, { what: 'a commit to be lost', within: 20_000 });
  // By a transaction that has the number of the one that was lost.
  await rename(61, 'After the loss');
  for (const follower of [one, other])
    expect(await untilSeen(follower, 61, 'After the loss')).toBeLessThan(SEEN_WITHIN_MS);
});

/** How long a fault lasts is a part of what it is. */
function lasting(ms: number): Promise<void> {
  return Bun.sleep(ms);
}
