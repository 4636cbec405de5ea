import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from 'bun:test';
import { until } from '../../src/testing/until.ts';
import type { ServiceProcess } from '../support/service-process.ts';
import { bomPath, productPath } from './support/catalog-requests.ts';
import { median, printFigures } from './support/measure.ts';
import { type RelayScene, startRelayScene } from './support/relay-scene.ts';

setDefaultTimeout(60_000);

const UPDATES = 200;
const PRODUCTS = 40;
/** One second for those who do not invalidate, and D. */
const SEEN_WITHIN_MS = 1_000 + 1_500;
/** In the median, from a row's change to the mark that Redis has acknowledged it, by the database's clock. */
const DELIVERED_WITHIN_MS = 50;
/** Longer than the relay's longest pause between two looks. */
const REST_MS = 600;
const AFTER_REST = 3;
const WOKEN_WITHIN_MS = 100;
/** A product of org 1 that nobody has made yet. */
const UNBORN = 900_001;

const owned = new AsyncDisposableStack();
let instances: RelayScene['instances'];
let psql: RelayScene['psql'];

beforeAll(async () => {
  ({ instances, psql } = await startRelayScene(owned));
});

afterAll(() => owned.disposeAsync());

interface Answer {
  readonly status: number;
  readonly tier: string | null;
  readonly body: unknown;
}

async function ask(service: ServiceProcess, path: string): Promise<Answer> {
  const answer = await service.fetch(path);
  return { status: answer.status, tier: answer.headers.get('x-cache-tier'), body: await answer.json() };
}

/** Reads until every instance has it in L1. */
async function warm(path: string): Promise<void> {
  for (const service of instances)
    await until(async () => (await ask(service, path)).tier === 'l1', { what: `${path} to be in L1` });
}

/**
 * Makes a change while every instance has its answer in L1.
 * @returns for each instance the milliseconds from the commit to an answer that shows the change.
 */
async function delaysOf(path: string, change: () => Promise<unknown>, shows: Shows): Promise<number[]> {
  await warm(path);
  const before = await Promise.all(instances.map((service) => ask(service, path)));
  expect(before.map(({ tier }) => tier)).toEqual(['l1', 'l1']);
  expect(before.some(shows)).toBe(false);
  await change();
  const committedAt = performance.now();
  const delays = await Promise.all(
    instances.map(async (service) => {
      const shown = async () => shows(await ask(service, path));
      await until(shown, { what: `${path} to change`, within: 2 * SEEN_WITHIN_MS, every: 1 });
      return performance.now() - committedAt;
    }),
  );
  // Nobody goes back.
  for (const service of instances) expect(shows(await ask(service, path))).toBe(true);
  expect(Math.max(...delays)).toBeLessThan(SEEN_WITHIN_MS);
  return delays;
}

type Shows = (answer: Answer) => boolean;

const isFound: Shows = ({ status }) => status === 200;
const isAbsent: Shows = ({ status }) => status === 404;
const says =
  (part: object): Shows =>
  ({ body }) =>
    Bun.deepMatch(part, body);
const lists =
  (part: object): Shows =>
  ({ body }) =>
    Array.isArray(body) && body.some((row: unknown) => Bun.deepMatch(part, row));

test(`an UPDATE by psql is served by both instances in time, ${UPDATES} of ${UPDATES} times`, async () => {
  const delays: number[] = [];
  for (let round = 0; round < UPDATES; round += 1) {
    const id = 1 + (round % PRODUCTS);
    const price = 10_000 + round;
    const update = () => psql`update products set price = ${price} where id = ${id}`;
    delays.push(...(await delaysOf(productPath(id), update, says({ price }))));
  }
  printFigures('from the commit by psql to the new price over HTTP', delays);
  expect(delays).toHaveLength(2 * UPDATES);
});

test(`the median row is marked as delivered within ${DELIVERED_WITHIN_MS} ms`, async () => {
  const rows = () => psql<{ ms: number | null }[]>`
    select extract(epoch from delivered_at - at)::float8 * 1000 as ms from tiercel_outbox
    where origin is null and keys && (select array_agg('product:' || (id + 99) / 100 || ':' || id) from generate_series(1, ${PRODUCTS}::int) id)`;
  await until(async () => (await rows()).every(({ ms }) => ms !== null), { what: 'every row to be delivered' });
  const delays = (await rows()).map(({ ms }) => Number(ms));
  printFigures("from the change to the mark, by the database's clock", delays);
  expect(delays).toHaveLength(UPDATES);
  expect(median(delays)).toBeLessThan(DELIVERED_WITHIN_MS);
});

test('a change after a while without any is delivered at once: the relay is woken', async () => {
  const delays: number[] = [];
  for (let round = 0; round < AFTER_REST; round += 1) {
    const id = 1 + round;
    await warm(productPath(id));
    const restedAt = performance.now() + REST_MS;
    await until(() => performance.now() > restedAt, { what: 'the relay to rest' });
    const price = 20_000 + round;
    const update = () => psql`update products set price = ${price} where id = ${id}`;
    delays.push(...(await delaysOf(productPath(id), update, says({ price }))));
  }
  printFigures('from the commit after a rest to the new price over HTTP', delays);
  // Polling alone would need a quarter of a second.
  expect(median(delays)).toBeLessThan(WOKEN_WITHIN_MS);
});

describe('a change by psql', () => {
  test('that inserts a row whose absence was cached, and deletes it again', async () => {
    const path = `/api/v1/orgs/1/products/${UNBORN}`;
    const insert = () =>
      psql`insert into products (id, org_id, sku, name, price) values (${UNBORN}, 1, 'NEW-1', 'New', 1)`;
    await delaysOf(path, insert, isFound);
    await delaysOf(path, () => psql`delete from products where id = ${UNBORN}`, isAbsent);
  });

  test('that concerns a list: a price, a new row, a row less', async () => {
    const path = '/api/v1/orgs/2/products?limit=20&after=120';
    await delaysOf(path, () => psql`update products set price = 77 where id = 125`, lists({ id: 125, price: 77 }));
    await delaysOf(
      path,
      () => psql`delete from products where id = 130`,
      (answer) => !lists({ id: 130 })(answer),
    );
    const insert = () => psql`insert into products (id, org_id, sku, name, price) values (130, 2, 'NEW-2', 'Again', 1)`;
    await delaysOf(path, insert, lists({ id: 130, name: 'Again' }));
  });

  test('of the items of a BOM', async () => {
    const path = bomPath(1);
    const quantities = ({ body }: Answer) =>
      (body as { items: { quantity: number }[] }).items.map((one) => one.quantity);
    const is =
      (quantity: number): Shows =>
      (answer) =>
        quantities(answer).every((one) => one === quantity);
    await delaysOf(path, () => psql`update bom_items set quantity = 4711 where bom_id = 1`, is(4711));
    await delaysOf(
      path,
      () => psql`delete from bom_items where bom_id = 1`,
      (answer) => quantities(answer).length === 0,
    );
  });

  test('of what a user may do', async () => {
    const path = '/api/v1/orgs/1/users/1/permissions';
    const may = ({ body }: Answer) => (body as { permissions: string[] }).permissions.includes('fly');
    await delaysOf(path, () => psql`insert into permissions (user_id, permission) values (1, 'fly')`, may);
    await delaysOf(
      path,
      () => psql`delete from permissions where permission = 'fly'`,
      (answer) => !may(answer),
    );
    await delaysOf(path, () => psql`update users set name = 'Icarus' where id = 1`, says({ name: 'Icarus' }));
  });
});
