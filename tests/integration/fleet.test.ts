import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from 'bun:test';
import type { ServiceProcess } from '../support/service-process.ts';
import { SERVERS_TIME_LIMIT_MS } from '../support/time-limit.ts';
import { type CatalogEnvironment, makeCatalogEnvironment } from './support/catalog-environment.ts';
import { bomPath, platePath, productPath, readProduct, renameProduct } from './support/catalog-requests.ts';
import { startInstance } from './support/instances.ts';
import { median, printFigures, timed } from './support/measure.ts';
import { FROM_L1, FROM_L2, LOADED, provenanceOf } from './support/provenance.ts';

setDefaultTimeout(SERVERS_TIME_LIMIT_MS);

/**
 * The bound on the median from the acknowledgement on one instance until the other's L1 has dropped the old value. The way
 * over HTTP and the load of the new value are measured beside it and do not count: they tell how fast the machine is.
 */
const VISIBLE_WITHIN_MS = 5;
const PATCHES = 50;

const owned = new AsyncDisposableStack();
let catalog: CatalogEnvironment;
let one: ServiceProcess;
let other: ServiceProcess;

beforeAll(async () => {
  catalog = owned.use(await makeCatalogEnvironment());
  // What is asked here is who answers, and that must not depend on what else this machine is doing.
  const env = { ...catalog.env, REDIS_TIMEOUT_MS: '1000' };
  [one, other] = await Promise.all([startInstance(owned, env), startInstance(owned, env)]);
}, 60_000);

afterAll(() => owned.disposeAsync());

describe('two instances over one Redis and one Postgres', () => {
  const paths = {
    'a product': productPath(1),
    'a list of products': '/api/v1/orgs/1/products?limit=20',
    'a BOM': bomPath(1),
    'a license plate': platePath(1),
    "a user's permissions": '/api/v1/orgs/1/users/1/permissions',
  };
  for (const [name, path] of Object.entries(paths)) {
    test(`${name}: source, then l1, on the other l2, then l1`, async () => {
      const answers = [await one.fetch(path), await one.fetch(path), await other.fetch(path), await other.fetch(path)];
      expect(answers.map(provenanceOf)).toEqual([LOADED, FROM_L1, FROM_L2, FROM_L1]);
      const [first, ...rest] = await Promise.all(answers.map((answer) => answer.text()));
      expect(new Set(rest)).toEqual(new Set([first ?? '']));
      expect(new Set(answers.map(({ headers }) => headers.get('etag'))).size).toBe(1);
    });
  }
});

test(`a PATCH is visible on the other instance within ${VISIBLE_WITHIN_MS} ms in the median`, async () => {
  const delays: number[] = [];
  const reloads: number[] = [];
  for (let round = 0; round < PATCHES; round++) {
    const id = 11 + (round % 10);
    await Promise.all([readProduct(one, id), readProduct(other, id)]);
    const name = `Round ${round}`;
    const patched = await renameProduct(one, id, name);
    const acknowledgedAt = performance.now();
    expect([patched.status, patched.headers.get('cache-status')]).toEqual([200, null]);
    // Until the answer with the new name is here.
    while ((await readProduct(other, id)).name !== name) {
      if (performance.now() - acknowledgedAt > 2_000) throw new Error(`${name} did not become visible`);
    }
    delays.push(performance.now() - acknowledgedAt);
    expect((await readProduct(one, id)).name).toBe(name);
    // A product that neither instance has read yet is loaded as the renamed one was.
    reloads.push((await timed(() => readProduct(other, 101 + round))).ms);
  }
  printFigures('a PATCH on one instance, seen on another', delays);
  printFigures('a product that is loaded', reloads);
  expect(median(delays.map((delay, round) => delay - (reloads[round] ?? 0)))).toBeLessThanOrEqual(VISIBLE_WITHIN_MS);
});
