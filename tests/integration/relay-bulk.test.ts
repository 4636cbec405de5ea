import { afterAll, beforeAll, expect, setDefaultTimeout, test } from 'bun:test';
import type { Sql } from 'postgres';
import { until } from '../../src/testing/until.ts';
import type { ServiceProcess } from '../support/service-process.ts';
import type { BusEar } from './support/bus-ear.ts';
import { bomPath, platePath, productPath } from './support/catalog-requests.ts';
import { printFigures } from './support/measure.ts';
import { startRelayScene } from './support/relay-scene.ts';

setDefaultTimeout(90_000);

const MANY = 100_000;
const FIRST = 1_000_001;
/** An org of the sample catalog that gets them all. */
const ORG = 3;
/** One second for those who do not invalidate, and D. */
const SEEN_WITHIN_MS = 1_000 + 1_500;
/** Rows of the outbox, and messages of the bus, for a statement that changes everything. */
const A_HANDFUL = 8;

const owned = new AsyncDisposableStack();
let instances: readonly ServiceProcess[];
let psql: Sql;
let ear: BusEar;

beforeAll(async () => {
  ({ instances, psql, ear } = await startRelayScene(owned));
  await psql`
    insert into products (id, org_id, sku, name, price)
    select id, ${ORG}, 'BULK-' || id, 'Bulk', 1 from generate_series(${FIRST}::int, ${FIRST + MANY - 1}::int) id`;
});

afterAll(() => owned.disposeAsync());

interface Bulk {
  /** What is read before and after. */
  readonly paths: readonly string[];
  readonly change: () => Promise<unknown>;
  /** Whether an answer is from after the change. */
  readonly isNew: (status: number, text: string) => boolean;
}

/** Makes a change while both instances have all of it in L1, and waits until neither serves anything from before. */
async function changeAll({
  paths,
  change,
  isNew,
}: Bulk): Promise<{ delays: number[]; rows: number; messages: number }> {
  const ask = async (service: ServiceProcess, path: string) => {
    const answer = await service.fetch(path);
    return { status: answer.status, text: await answer.text(), tier: answer.headers.get('x-cache-tier') };
  };
  for (const service of instances)
    for (const path of paths)
      await until(async () => (await ask(service, path)).tier === 'l1', { what: `${path} to be in L1` });
  await untilDelivered();
  const heard = ear.heard.length;
  const [last] = await psql<{ id: string }[]>`select coalesce(max(id), 0)::text as id from tiercel_outbox`;
  await change();
  const committedAt = performance.now();
  const delays: number[] = [];
  for (const path of paths) {
    for (const service of instances) {
      const shown = async () => {
        const { status, text } = await ask(service, path);
        return isNew(status, text);
      };
      await until(shown, { what: `${path} to change`, within: 2 * SEEN_WITHIN_MS, every: 1 });
      delays.push(performance.now() - committedAt);
    }
  }
  await untilDelivered();
  const rows = await psql`select from tiercel_outbox where id > ${last?.id ?? '0'}::bigint`;
  return { delays, rows: rows.length, messages: ear.heard.length - heard };
}

async function untilDelivered(): Promise<void> {
  const waiting = () => psql`select from tiercel_outbox where delivered_at is null`;
  await until(async () => (await waiting()).length === 0, { what: 'every row to be delivered' });
}

function expectFewAndFresh(what: string, { delays, rows, messages }: Awaited<ReturnType<typeof changeAll>>): void {
  printFigures(`${what} (${rows} rows, ${messages} messages): from the commit to the news`, delays);
  expect(Math.max(...delays)).toBeLessThan(SEEN_WITHIN_MS);
  expect(rows).toBeWithin(1, A_HANDFUL + 1);
  expect(messages).toBeWithin(1, A_HANDFUL + 1);
}

const inOrg = (path: string): string => `/api/v1/orgs/${ORG}${path}`;
const products = Array.from({ length: 40 }, (_, index) => inOrg(`/products/${FIRST + (index * MANY) / 40}`));
const lists = [inOrg('/products?limit=10'), inOrg(`/products?limit=10&after=${FIRST + MANY / 2}`)];

test(`an UPDATE of ${MANY} rows by psql: all of it is fresh in time, by a handful of words`, async () => {
  const result = await changeAll({
    // What the same statement leaves alone is ended as well; it is loaded again.
    paths: [...products, ...lists],
    change: () => psql`update products set name = 'Changed' where org_id = ${ORG}`,
    isNew: (status, text) => status === 200 && text.includes('Changed') && !text.includes('Bulk"'),
  });
  expectFewAndFresh('UPDATE', result);
});

test('a TRUNCATE … CASCADE by psql: all of it is gone in time, by a handful of words', async () => {
  const result = await changeAll({
    paths: [...products, ...lists, ...[1, 2, 3].flatMap((id) => [productPath(id), bomPath(id), platePath(id)])],
    change: () => psql`truncate products cascade`,
    isNew: (status, text) => status === 404 || text === '[]',
  });
  expectFewAndFresh('TRUNCATE', result);
});
