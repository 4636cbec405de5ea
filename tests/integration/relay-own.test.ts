import { afterAll, beforeAll, expect, setDefaultTimeout, test } from 'bun:test';
import type { Sql } from 'postgres';
import { until } from '../../src/testing/until.ts';
import type { ServiceProcess } from '../support/service-process.ts';
import type { BusEar } from './support/bus-ear.ts';
import { productPath, renameProduct } from './support/catalog-requests.ts';
import { startRelayScene } from './support/relay-scene.ts';

setDefaultTimeout(60_000);

const PATCHES = 1_000;
const PRODUCTS = 100;

const owned = new AsyncDisposableStack();
let instances: readonly ServiceProcess[];
let psql: Sql;
let ear: BusEar;

beforeAll(async () => {
  // One of them leads and could deliver the rows of both, its own included. An order that is not answered in time is given again.
  ({ instances, psql, ear } = await startRelayScene(owned, { REDIS_TIMEOUT_MS: '1000' }));
  // An instance serves before it has proven its L1, from the source. And what it hears of an org's tag for the first time
  // may be news to L2 as well, which then counts it from now: beside other changes, that is no proof of what was just read.
  for (const instance of instances) {
    const isFromL1 = async () => (await readName(instance, PRODUCTS)).endsWith(' from l1');
    await until(isFromL1, { what: 'L1 to be in use' });
  }
});

afterAll(() => owned.disposeAsync());

/** What a product is called, and who says so. */
async function readName(service: ServiceProcess, id: number): Promise<string> {
  const answer = await service.fetch(productPath(id));
  const { name } = (await answer.json()) as { name: string };
  return `${name} from ${answer.headers.get('x-cache-tier')}`;
}

test(`a PATCH, a GET from the source, a GET from L1: ${PATCHES} of ${PATCHES} times, by both instances`, async () => {
  const patchAll = async (service: ServiceProcess, index: number): Promise<void> => {
    for (let round = index; round < PATCHES; round += instances.length) {
      const id = 1 + (round % PRODUCTS);
      await renameProduct(service, id, `Round ${round}`);
      seen[round] = [await readName(service, id), await readName(service, id)];
    }
  };
  const seen: string[][] = [];
  await Promise.all(instances.map(patchAll));
  expect(seen).toEqual(
    Array.from({ length: PATCHES }, (_, round) => [`Round ${round} from source`, `Round ${round} from l1`]),
  );
});

test('none of these changes was delivered by anybody but its writer', async () => {
  const rows = () => psql<{ isOwn: boolean; ms: number | null }[]>`
    select origin is not null as "isOwn", extract(epoch from delivered_at - at)::float8 * 1000 as ms
    from tiercel_outbox where keys && (select array_agg('product:' || (id + 99) / 100 || ':' || id) from generate_series(1, ${PRODUCTS}::int) id)`;
  await until(async () => (await rows()).every(({ ms }) => ms !== null), { what: 'every row to be marked' });
  const delivered = await rows();
  expect(delivered).toHaveLength(PATCHES);
  expect(delivered.every(({ isOwn }) => isOwn)).toBe(true);
  // The relay takes them from their second second on.
  expect(Math.max(...delivered.map(({ ms }) => Number(ms)))).toBeLessThan(1_000);
  // What the sample catalog is made of has been told by the relay, and names no product.
  const heard = ear.heard.filter(({ targets }) => targets.ids.some((id) => id.startsWith('product:')));
  expect(heard).toHaveLength(PATCHES);
  expect(heard.filter(({ origin }) => origin.endsWith(':relay'))).toEqual([]);
});
