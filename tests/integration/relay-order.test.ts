import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from 'bun:test';
import postgres, { type ReservedSql, type Sql } from 'postgres';
import { until } from '../../src/testing/until.ts';
import { createDatabase } from '../support/postgres-server.ts';
import type { ServiceProcess } from '../support/service-process.ts';
import { type CatalogEnvironment, makeCatalogEnvironment } from './support/catalog-environment.ts';
import { readProduct } from './support/catalog-requests.ts';
import { startInstance } from './support/instances.ts';
import { percentile, printFigures } from './support/measure.ts';

setDefaultTimeout(60_000);

const ROUNDS = 20;
const UPDATES = 50;
/** One second for those who do not invalidate, and D. */
const SEEN_WITHIN_MS = 1_000 + 1_500;
/** In the median, from a row's change to the mark that Redis has acknowledged it. */
const DELIVERED_WITHIN_MS = 50;

const owned = new AsyncDisposableStack();
let catalog: CatalogEnvironment;
let instances: readonly ServiceProcess[];
let psql: Sql;

beforeAll(async () => {
  catalog = owned.use(await makeCatalogEnvironment());
  psql = client(catalog.database.url);
  instances = await Promise.all([startInstance(owned, catalog.env), startInstance(owned, catalog.env)]);
});

afterAll(() => owned.disposeAsync());

function client(url: string): Sql {
  const sql = postgres(url, { max: 4, onnotice: () => {} });
  owned.defer(() => sql.end({ timeout: 1 }));
  return sql;
}

/** A transaction of one's own, to be committed when its time has come. */
async function begin(): Promise<ReservedSql> {
  const session = await psql.reserve();
  await session`begin`;
  return session;
}

async function commit(session: ReservedSql): Promise<number> {
  await session`commit`;
  session.release();
  return performance.now();
}

const rename = (sql: Sql, id: number, name: string) => sql`update products set name = ${name} where id = ${id}`;

async function warm(ids: readonly number[]): Promise<void> {
  for (const service of instances) for (const id of ids) await readProduct(service, id);
}

/** Milliseconds from a moment until both instances answer with a name. */
async function untilSeen(id: number, name: string, since: number): Promise<number> {
  await Promise.all(
    instances.map((service) =>
      until(async () => (await readProduct(service, id)).name === name, {
        what: `${name} at both instances`,
        every: 1,
      }),
    ),
  );
  return performance.now() - since;
}

/** What many have written before: whatever has a greater id than the last one seen is new. */
class NaivePoller {
  #last = 0;
  readonly seen = new Set<string>();

  async poll(): Promise<void> {
    const rows = await psql<{ id: number; keys: string[] }[]>`
      select id::int, keys from tiercel_outbox where id > ${this.#last} order by id`;
    for (const { id, keys } of rows) {
      this.#last = id;
      for (const key of keys) this.seen.add(key);
    }
  }
}

describe('two transactions that overlap', () => {
  for (const [order, firstCommitsLast] of [['the other way round', true] as const, ['as they began', false] as const]) {
    test(`and commit ${order}: both are delivered in time`, async () => {
      const delays: number[] = [];
      for (let round = 0; round < ROUNDS; round += 1) {
        const [one, two] = [1 + 2 * round, 2 + 2 * round];
        const name = `Round ${round}, ${order}`;
        await warm([one, two]);
        const [first, second] = [await begin(), await begin()];
        // The triggers have given out the ids by the end of each statement.
        await rename(first, one, name);
        await rename(second, two, name);
        const quick = firstCommitsLast ? { session: second, id: two } : { session: first, id: one };
        const slow = firstCommitsLast ? { session: first, id: one } : { session: second, id: two };
        for (const { session, id } of [quick, slow]) delays.push(await untilSeen(id, name, await commit(session)));
      }
      printFigures(`from the commit to both instances, ${order}`, delays);
      expect(Math.max(...delays)).toBeLessThan(SEEN_WITHIN_MS);
    });
  }

  test('are told apart by a poller that asks for greater ids: it loses the slower one for ever', async () => {
    const poller = new NaivePoller();
    const [first, second] = [await begin(), await begin()];
    await rename(first, 91, 'Slow');
    await rename(second, 92, 'Quick');
    await commit(second);
    await poller.poll();
    await commit(first);
    await poller.poll();
    expect([poller.seen.has('product:1:92'), poller.seen.has('product:1:91')]).toEqual([true, false]);
    for (const [id, name] of [[91, 'Slow'] as const, [92, 'Quick'] as const]) await untilSeen(id, name, 0);
  });
});

test('transactions that stay open, here and in another database of the server, delay nothing', async () => {
  const elsewhere = owned.use(await createDatabase());
  const open = await Promise.all([client(elsewhere.url), psql].map((sql) => sql.reserve()));
  const pids: number[] = [];
  for (const session of open) {
    await session`begin`;
    const rows = await session<{ pid: number }[]>`select pg_backend_pid() as pid, pg_current_xact_id()`;
    pids.push(...rows.map(({ pid }) => pid));
  }
  // One of them has changed a row as well, and may commit at any time.
  const [, here] = open;
  if (here !== undefined) await rename(here, 99, 'Undecided');
  const [before] = await psql<{ id: number }[]>`select coalesce(max(id), 0)::int as id from tiercel_outbox`;

  const delays: number[] = [];
  for (let round = 0; round < UPDATES; round += 1) {
    const id = 1 + (round % 50);
    await warm([id]);
    await rename(psql, id, `Meanwhile ${round}`);
    delays.push(await untilSeen(id, `Meanwhile ${round}`, performance.now()));
  }
  printFigures('from the commit to both instances, beside open transactions', delays);
  expect(Math.max(...delays)).toBeLessThan(SEEN_WITHIN_MS);

  const rows = () => psql<{ ms: number | null }[]>`
    select extract(epoch from delivered_at - at)::float8 * 1000 as ms from tiercel_outbox where id > ${before?.id ?? 0}`;
  await until(async () => (await rows()).every(({ ms }) => ms !== null), { what: 'every row to be delivered' });
  const marked = (await rows()).map(({ ms }) => Number(ms));
  expect(marked).toHaveLength(UPDATES);
  expect(percentile(marked, 50)).toBeLessThan(DELIVERED_WITHIN_MS);
  const [{ count } = { count: 0 }] = await psql<{ count: number }[]>`
    select count(*)::int as count from pg_stat_activity
    where pid = any (${pids}) and state = 'idle in transaction' and backend_xid is not null`;
  expect(count).toBe(2);

  // What was undecided for so long is seen like anything else.
  for (const session of open) await session`commit`;
  expect(await untilSeen(99, 'Undecided', performance.now())).toBeLessThan(SEEN_WITHIN_MS);
  for (const session of open) session.release();
});
