import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from 'bun:test';
import { DuplicateSkuError, UnknownReferenceError } from '../../src/catalog/errors.ts';
import {
  bomById,
  deleteProduct,
  insertProduct,
  licensePlateById,
  listProducts,
  orgExists,
  productById,
  replaceBomItems,
  updateLicensePlate,
  updateProduct,
  userPermissions,
} from '../../src/catalog/queries.ts';
import { createToken, findToken, listTokens, revokeToken } from '../../src/catalog/tokens.ts';
import { SERVERS_TIME_LIMIT_MS } from '../support/time-limit.ts';
import { CATALOGS, PATIENCE, type SeededCatalog } from './catalog-databases.ts';

setDefaultTimeout(SERVERS_TIME_LIMIT_MS);

const NOBODY = 9_007_199_254_740_991;
const failure = (promise: Promise<unknown>) => promise.catch((error: unknown) => error);

describe.each(CATALOGS)('queries on %s', (_, open) => {
  let catalog: SeededCatalog;

  beforeAll(async () => {
    catalog = await open();
  }, PATIENCE);
  afterAll(() => catalog.close());

  describe('products', () => {
    test('are listed by id, a page at a time, within their org', async () => {
      const { signal } = new AbortController();
      const first = await listProducts(catalog.sql, 2, 60, 0, signal);
      const second = await listProducts(catalog.sql, 2, 60, 160, signal);
      expect(first.map((product) => product.id)).toEqual(Array.from({ length: 60 }, (_, n) => 101 + n));
      expect(second.map((product) => product.id)).toEqual(Array.from({ length: 40 }, (_, n) => 161 + n));
      expect(await listProducts(catalog.sql, 2, 60, 200)).toEqual([]);
      expect(await listProducts(catalog.sql, NOBODY, 60, 0)).toEqual([]);
    });

    test('come in the form of the API, plain arrays and objects', async () => {
      const [listed] = await listProducts(catalog.sql, 1, 1, 4);
      const product = await productById(catalog.sql, 1, 5);
      expect(JSON.stringify(product)).toBe(
        `{"id":5,"orgId":1,"sku":"SKU-00005","name":"Rubber spring","price":396.45,"unit":"box","version":${product?.version}}`,
      );
      expect(listed).toEqual(product ?? undefined);
      expect(Object.getPrototypeOf(await listProducts(catalog.sql, 1, 1, 0))).toBe(Array.prototype);
    });

    test('that do not exist are null, and so are those of another org', async () => {
      expect(await productById(catalog.sql, 1, NOBODY)).toBeNull();
      expect(await productById(catalog.sql, 2, 5)).toBeNull();
      expect(await bomById(catalog.sql, 2, 1)).toBeNull();
      expect(await licensePlateById(catalog.sql, 2, 1)).toBeNull();
      expect(await userPermissions(catalog.sql, 2, 3)).toBeNull();
      expect(await updateProduct(catalog.sql, 1, NOBODY, { price: 1 })).toBeNull();
      expect(await deleteProduct(catalog.sql, 1, NOBODY)).toBeNull();
    });

    test('of another org are neither changed nor deleted', async () => {
      expect(await updateProduct(catalog.sql, 2, 5, { price: 1 })).toBeNull();
      expect(await deleteProduct(catalog.sql, 2, 5)).toBeNull();
      expect((await productById(catalog.sql, 1, 5))?.price).toBe(396.45);
    });

    test('are added with two decimals and a default unit', async () => {
      const product = await insertProduct(catalog.sql, 3, {
        sku: "x'; drop table products; --",
        name: 'Ünïcode 🦅',
        price: 19.999,
      });
      expect(product).toEqual({
        id: expect.any(Number),
        orgId: 3,
        sku: "x'; drop table products; --",
        name: 'Ünïcode 🦅',
        price: 20,
        unit: 'each',
        version: expect.any(Number),
      });
      expect(await productById(catalog.sql, 3, product.id)).toEqual(product);
    });

    test('with a taken SKU or of no org are refused', async () => {
      const product = { sku: 'SKU-00001', name: 'Again', price: 1 };
      expect(await failure(insertProduct(catalog.sql, 1, product))).toEqual(new DuplicateSkuError('SKU-00001'));
      expect(await failure(insertProduct(catalog.sql, NOBODY, product))).toEqual(
        new UnknownReferenceError('org', [NOBODY]),
      );
    });

    test('change in what is given and keep the rest', async () => {
      const before = await productById(catalog.sql, 1, 6);
      const after = await updateProduct(catalog.sql, 1, 6, { price: 0 });
      expect(after).toEqual({ ...before, price: 0, version: after?.version } as typeof after);
      expect(after?.version).toBeGreaterThan(before?.version ?? Number.NaN);
      expect(await updateProduct(catalog.sql, 1, 6, { name: 'N', unit: 'u' })).toMatchObject({
        name: 'N',
        unit: 'u',
        price: 0,
      });
    });

    test('take their BOMs, items and license plates along, and name them', async () => {
      const [bom] = await catalog.sql`select bom_id as id from bom_items where product_id = 90 order by bom_id limit 1`;
      const deleted = await deleteProduct(catalog.sql, 1, 90);
      expect(deleted?.bomIds).toContain(bom?.id);
      expect(deleted?.licensePlateIds).toEqual([90, 190]);
      expect(await licensePlateById(catalog.sql, 1, 90)).toBeNull();
      expect((await bomById(catalog.sql, 1, bom?.id))?.items.every((item) => item.productId !== 90)).toBe(true);

      expect((await deleteProduct(catalog.sql, 1, 40))?.bomIds).toContain(40);
      expect(await bomById(catalog.sql, 1, 40)).toBeNull();
    });
  });

  describe('BOMs', () => {
    const items = [
      { productId: 3, quantity: 1.5, unit: 'kg' },
      { productId: 2, quantity: 2, unit: 'each' },
      { productId: 3, quantity: 0.125, unit: 'kg' },
    ];

    test('come with their items in order', async () => {
      const bom = await bomById(catalog.sql, 1, 1);
      expect(Object.keys(bom ?? {})).toEqual(['id', 'orgId', 'productId', 'name', 'version', 'items']);
      expect(bom?.items).toHaveLength(4);
      expect(bom?.items[0]).toEqual({ productId: 52, quantity: 2, unit: 'each' });
      expect(await bomById(catalog.sql, 1, NOBODY)).toBeNull();
    });

    test('take other items as a whole, with a greater version, in a transaction of their own or of the caller', async () => {
      const before = await bomById(catalog.sql, 1, 2);
      const after = await replaceBomItems(catalog.sql, 1, 2, items);
      expect(after).toEqual({ ...before, items, version: after?.version } as typeof after);
      expect(after?.version).toBeGreaterThan(before?.version ?? Number.NaN);
      expect(await bomById(catalog.sql, 1, 2)).toEqual(after);
      await failure(
        catalog.sql.begin(async (tx) => {
          expect((await replaceBomItems(tx, 1, 2, []))?.items).toEqual([]);
          throw new Error('roll back');
        }),
      );
      expect(await bomById(catalog.sql, 1, 2)).toEqual(after);
    });

    test('refuse products that are not there or not theirs, all of them named, and stay as they are', async () => {
      const before = await bomById(catalog.sql, 1, 3);
      const strange = [...items, { ...items[0], productId: 150 }, { ...items[0], productId: NOBODY }] as typeof items;
      expect(await failure(replaceBomItems(catalog.sql, 1, 3, strange))).toEqual(
        new UnknownReferenceError('product', [150, NOBODY]),
      );
      expect(await bomById(catalog.sql, 1, 3)).toEqual(before);
    });

    test('of another org are not touched', async () => {
      expect(await replaceBomItems(catalog.sql, 2, 4, [])).toBeNull();
      expect((await bomById(catalog.sql, 1, 4))?.items).not.toHaveLength(0);
    });

    test('take 500 items at once', async () => {
      const many = Array.from({ length: 500 }, (_, n) => ({ productId: 1 + (n % 30), quantity: n + 1, unit: 'each' }));
      expect((await replaceBomItems(catalog.sql, 1, 5, many))?.items).toEqual(many);
    });
  });

  test('license plates are read and changed within their org', async () => {
    const plate = await licensePlateById(catalog.sql, 1, 1);
    expect(Object.keys(plate ?? {})).toEqual(['id', 'orgId', 'productId', 'quantity', 'status', 'location', 'version']);
    const changed = await updateLicensePlate(catalog.sql, 1, 1, { status: 'shipped', quantity: 0 });
    expect(changed).toEqual({ ...plate, status: 'shipped', quantity: 0, version: changed?.version } as typeof changed);
    expect(changed?.version).toBeGreaterThan(plate?.version ?? Number.NaN);
    expect(await updateLicensePlate(catalog.sql, 1, 1, { location: '' })).toMatchObject({
      location: '',
      status: 'shipped',
    });
    expect(await updateLicensePlate(catalog.sql, 2, 1, { quantity: 1 })).toBeNull();
    expect(await licensePlateById(catalog.sql, 1, NOBODY)).toBeNull();
  });

  test('users come with their permissions, sorted; orgs exist or do not', async () => {
    expect(await userPermissions(catalog.sql, 1, 3)).toEqual({
      id: 3,
      orgId: 1,
      name: 'Dev Draper',
      permissions: ['boms:read', 'license-plates:read', 'products:read'],
    });
    await catalog.sql`delete from permissions where user_id = 4`;
    expect((await userPermissions(catalog.sql, 1, 4))?.permissions).toEqual([]);
    expect(await userPermissions(catalog.sql, 1, NOBODY)).toBeNull();
    expect(await orgExists(catalog.sql, 10)).toBe(true);
    expect(await orgExists(catalog.sql, NOBODY)).toBe(false);
  });

  describe('API tokens', () => {
    test('are found by what was shown once, and stored as a hash only', async () => {
      const { token, record } = await createToken(catalog.sql, { orgId: 1, role: 'writer', label: 'press' });
      expect(token).toMatch(/^tct_[A-Za-z0-9_-]{43}$/);
      expect(record).toMatchObject({ orgId: 1, role: 'writer', label: 'press', revokedAt: null });
      expect(await findToken(catalog.sql, token)).toEqual(record);
      const [row] =
        await catalog.sql`select api_tokens::text as text, token_sha256 from api_tokens where id = ${record.id}`;
      expect(row?.text).not.toContain(token.slice(4));
      expect(row?.token_sha256.toString('hex')).toBe(new Bun.CryptoHasher('sha256').update(token).digest('hex'));
    });

    test('of every org carry a star', async () => {
      const { token } = await createToken(catalog.sql, { orgId: '*', role: 'reader' });
      expect(await findToken(catalog.sql, token)).toMatchObject({ orgId: '*', role: 'reader', label: '' });
    });

    test('end when they are revoked, once', async () => {
      const { token, record } = await createToken(catalog.sql, { orgId: 2, role: 'reader' });
      const revoked = await revokeToken(catalog.sql, record.id);
      expect(revoked?.revokedAt).toBeInstanceOf(Date);
      expect(await findToken(catalog.sql, token)).toBeNull();
      expect(await revokeToken(catalog.sql, record.id)).toEqual(revoked);
      expect(await listTokens(catalog.sql)).toContainEqual(revoked as NonNullable<typeof revoked>);
      expect(await revokeToken(catalog.sql, NOBODY)).toBeNull();
    });

    test('that the service never created are unknown', async () => {
      const { token } = await createToken(catalog.sql, { orgId: 1, role: 'reader' });
      for (const wrong of [
        '',
        'tct_',
        token.slice(0, -1),
        `${token}x`,
        ` ${token}`,
        token.toUpperCase(),
        `tct_${'A'.repeat(43)}`,
      ]) {
        expect(await findToken(catalog.sql, wrong)).toBeNull();
      }
    });

    test('of no org are refused', async () => {
      const made = createToken(catalog.sql, { orgId: NOBODY, role: 'reader' });
      expect(await failure(made)).toEqual(new UnknownReferenceError('org', [NOBODY]));
    });
  });
});
