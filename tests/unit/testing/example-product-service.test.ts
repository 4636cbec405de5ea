import { describe, test } from 'bun:test';
import { deepEqual, equal, rejects } from 'node:assert/strict';
import type { TieredCache } from 'tiercel';
import { createTestCache } from 'tiercel/testing';

// What somebody writes who uses Tiercel and tests their own code: the service below is theirs, and so are the tests.
// They would be the same with node:test or Deno.test in place of bun:test.

interface Product {
  readonly id: number;
  readonly name: string;
}

type FindProduct = (id: number) => Promise<Product | null>;

/** A product page that outlives its database by an hour. */
class ProductService {
  readonly #cache: TieredCache;
  readonly #find: FindProduct;

  constructor(cache: TieredCache, find: FindProduct) {
    this.#cache = cache;
    this.#find = find;
  }

  async page(id: number): Promise<{ readonly title: string; readonly isOld: boolean }> {
    const { value, state } = await this.#cache.lookup(`product:${id}`, () => this.#find(id), {
      ttl: '1m',
      staleIfError: '1h',
    });
    return { title: value?.name ?? 'There is no such product', isOld: state === 'stale' };
  }

  async rename(id: number, save: () => Promise<void>): Promise<void> {
    await save();
    await this.#cache.delete(`product:${id}`);
  }
}

/** The service over a test cache, and a database of one product that can be told to fail. */
function createShop() {
  const fixture = createTestCache();
  let name = 'bolt';
  const database = fixture.loader(async (id: number): Promise<Product | null> => (id === 1 ? { id, name } : null));
  const rename = async (): Promise<void> => {
    name = 'nut';
  };
  return { ...fixture, database, rename, service: new ProductService(fixture.cache, database) };
}

describe('the product service', () => {
  test('asks the database once a minute', async () => {
    const { service, clock, database } = createShop();
    await Promise.all([service.page(1), service.page(1), service.page(1)]);
    await clock.advance('59s');
    deepEqual(await service.page(1), { title: 'bolt', isOld: false });
    equal(database.calls, 1);
    await clock.advance('1s');
    await service.page(1);
    equal(database.calls, 2);
  });

  test('shows the old page for an hour while the database is away', async () => {
    const { service, clock, database } = createShop();
    await service.page(1);
    await clock.advance('61s');
    const outage = database.fail(new Error('database is away'));
    deepEqual(await service.page(1), { title: 'bolt', isOld: true });
    await clock.advance('1h');
    await rejects(service.page(1), { message: 'database is away' });
    outage.lift();
    deepEqual(await service.page(1), { title: 'bolt', isOld: false });
  });

  test('needs no Redis to answer, and waits for a dead one no longer than its budget', async () => {
    const { service, clock, l2 } = createShop();
    l2.hang();
    deepEqual(await clock.settle(service.page(1)), { title: 'bolt', isOld: false });
    equal(clock.now(), 50);
  });

  test('shows a new name on every instance', async () => {
    const { service, rename, join, clock, database } = createShop();
    const elsewhere = new ProductService(join().cache, database);
    deepEqual(await elsewhere.page(1), { title: 'bolt', isOld: false });
    await service.rename(1, rename);
    await clock.advance('5ms');
    deepEqual(await elsewhere.page(1), { title: 'nut', isOld: false });
  });
});
