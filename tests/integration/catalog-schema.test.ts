import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from 'bun:test';
import { migrate, pendingMigrations } from '../../src/catalog/migrate.ts';
import { seed } from '../../src/catalog/seed.ts';
import { SERVERS_TIME_LIMIT_MS } from '../support/time-limit.ts';
import { CATALOGS, PATIENCE, type SeededCatalog } from './catalog-databases.ts';

setDefaultTimeout(SERVERS_TIME_LIMIT_MS);

describe.each(CATALOGS)('the catalog on %s', (name, open) => {
  let catalog: SeededCatalog;
  /** Processor time of this process: other tests beside this one do not count. */
  let openedInMs: number;

  beforeAll(async () => {
    const before = process.cpuUsage();
    catalog = await open();
    const { user, system } = process.cpuUsage(before);
    openedInMs = (user + system) / 1_000;
  }, PATIENCE);
  afterAll(() => catalog.close());

  const versionOf = async (table: string, id: number): Promise<number> => {
    const [row] = await catalog.sql<{ version: number }[]>`select version from ${catalog.sql(table)} where id = ${id}`;
    if (row === undefined) throw new Error(`no ${table} ${id}`);
    return row.version;
  };

  /** Runs a statement as psql would send it, and says whether it raised the version. */
  const raises = async (table: string, id: number, statement: string): Promise<boolean> => {
    const before = await versionOf(table, id);
    await catalog.sql.unsafe(statement);
    const after = await versionOf(table, id);
    expect(after).toBeGreaterThanOrEqual(before);
    return after > before;
  };

  test('is migrated and seeded in good time', async () => {
    expect(await pendingMigrations(catalog.sql)).toEqual([]);
    expect(catalog.embedded).toBe(name === 'PGlite');
    // Some five seconds; machines differ.
    expect(openedInMs).toBeLessThan(20_000);
  });

  test('has the promised rows', async () => {
    const [counts] = await catalog.sql`
      select (select count(*) from orgs) as orgs, (select count(*) from products) as products,
             (select count(*) from boms) as boms, (select count(*) from license_plates) as plates,
             (select count(*) from users) as users,
             (select min(n) from (select count(*) as n from bom_items group by bom_id) i) as least_items,
             (select max(n) from (select count(*) as n from bom_items group by bom_id) i) as most_items,
             (select count(distinct bom_id) from bom_items) as boms_with_items,
             (select count(distinct user_id) from permissions) as users_with_permissions,
             (select count(*) from bom_items i join boms b on b.id = bom_id join products p on p.id = i.product_id
              where p.org_id <> b.org_id or p.id = b.product_id) as strange_items,
             (select json_agg(distinct status order by status) from license_plates) as statuses`;
    expect(counts).toEqual({
      orgs: 10,
      products: 1000,
      boms: 500,
      plates: 2000,
      users: 50,
      least_items: 3,
      most_items: 8,
      boms_with_items: 500,
      users_with_permissions: 50,
      strange_items: 0,
      statuses: ['available', 'blocked', 'consumed', 'reserved', 'shipped'],
    });
  });

  test('every org has its share, the first one from id 1 on', async () => {
    const shares = await catalog.sql`
      select orgs.id, (select count(*) from products where org_id = orgs.id) as products,
             (select min(id) from products where org_id = orgs.id) as first,
             (select count(*) from boms where org_id = orgs.id) as boms,
             (select count(*) from license_plates where org_id = orgs.id) as plates,
             (select count(*) from users where org_id = orgs.id) as users
      from orgs order by id`;
    expect([...shares]).toEqual(
      Array.from({ length: 10 }, (_, n) => ({
        id: n + 1,
        products: 100,
        first: n * 100 + 1,
        boms: 50,
        plates: 200,
        users: 5,
      })),
    );
  });

  test('seeding and migrating again changes nothing, not even rows that an operator has changed', async () => {
    await catalog.sql`update products set name = 'Renamed' where id = 7`;
    await catalog.sql`delete from bom_items where bom_id = 9`;
    const digest = async () => {
      const [row] = await catalog.sql`
        select (select md5(string_agg(p::text, '' order by id)) from products p) as products,
               (select md5(string_agg(b::text, '' order by id)) from boms b) as boms,
               (select md5(string_agg(i::text, '' order by id)) from bom_items i) as items,
               (select md5(string_agg(l::text, '' order by id)) from license_plates l) as plates,
               (select md5(string_agg(p::text, '' order by user_id, permission)) from permissions p) as permissions`;
      return row;
    };
    const before = await digest();
    expect(await seed(catalog.sql)).toBe(0);
    expect(await migrate(catalog.sql)).toEqual([]);
    expect(await digest()).toEqual(before);
  });

  test('new rows are numbered after the sample', async () => {
    const [row] = await catalog.sql`insert into orgs (name) values ('Eleventh') returning id`;
    expect(row?.id).toBe(11);
  });

  describe('a version', () => {
    test('rises with any change, also one written past the service', async () => {
      expect(await raises('products', 20, `update products set price = price + 1 where id = 20`)).toBe(true);
      expect(await raises('boms', 20, `update boms set name = 'Other' where id = 20`)).toBe(true);
      expect(await raises('license_plates', 20, `update license_plates set location = 'Z99' where id = 20`)).toBe(true);
    });

    test('cannot be chosen by a writer', async () => {
      expect(await raises('products', 21, `update products set version = 1 where id = 21`)).toBe(true);
      const [row] = await catalog.sql`
        insert into products (org_id, sku, name, price, version) values (1, 'CHOSEN', 'Chosen', 1, 999999999) returning version`;
      expect(row?.version).toBeLessThan(999_999_999);
    });

    test('stays when only reads were counted, or nothing changed', async () => {
      expect(await raises('products', 22, `update products set access_count = access_count + 1 where id = 22`)).toBe(
        false,
      );
      expect(await raises('boms', 22, `update boms set access_count = access_count + 1 where id = 22`)).toBe(false);
      expect(await raises('products', 22, `update products set name = name where id = 22`)).toBe(false);
      expect(
        await raises(
          'products',
          22,
          `update products set access_count = access_count + 1, price = price + 1 where id = 22`,
        ),
      ).toBe(true);
    });

    test('of a BOM rises with its items: insert, update, delete, move, truncate', async () => {
      const item = `(select min(id) from bom_items where bom_id = 30)`;
      expect(await raises('boms', 30, `insert into bom_items (bom_id, product_id, quantity) values (30, 1, 1)`)).toBe(
        true,
      );
      expect(await raises('boms', 30, `update bom_items set quantity = quantity + 1 where bom_id = 30`)).toBe(true);
      expect(await raises('boms', 30, `delete from bom_items where id = ${item}`)).toBe(true);
      expect(await raises('boms', 31, `update bom_items set bom_id = 31 where id = ${item}`)).toBe(true);
      expect(await raises('boms', 30, `update bom_items set bom_id = 31 where id = ${item}`)).toBe(true);
      expect(await raises('boms', 32, `update bom_items set quantity = quantity + 1 where bom_id = 30`)).toBe(false);
      const before = await versionOf('boms', 33);
      await catalog.sql
        .begin(async (tx) => {
          await tx`truncate bom_items`;
          const [row] = await tx`select version from boms where id = 33`;
          expect(row?.version).toBeGreaterThan(before);
          throw new Error('roll back');
        })
        .catch((error: Error) => expect(error.message).toBe('roll back'));
    });

    test('goes on after a delete and an insert under the same id', async () => {
      const before = await versionOf('license_plates', 40);
      await catalog.sql`delete from license_plates where id = 40`;
      await catalog.sql`insert into license_plates (id, org_id, product_id, quantity) values (40, 1, 1, 1)`;
      expect(await versionOf('license_plates', 40)).toBeGreaterThan(before);
    });

    test('goes on after TRUNCATE … RESTART IDENTITY, and after the sequence was set back', async () => {
      await catalog.sql
        .begin(async (tx) => {
          const [before] = await tx`select max(version) as version from license_plates`;
          await tx`truncate license_plates restart identity`;
          const [row] =
            await tx`insert into license_plates (org_id, product_id, quantity) values (1, 1, 1) returning id, version`;
          expect(row?.id).toBe(1);
          expect(row?.version).toBeGreaterThan(before?.version);
          throw new Error('roll back');
        })
        .catch((error: Error) => expect(error.message).toBe('roll back'));

      const [{ position } = { position: 0 }] = await catalog.sql<{ position: number }[]>`
        select last_value as position from tiercel_version`;
      await catalog.sql`select setval('tiercel_version', 1)`;
      expect(await raises('products', 41, `update products set price = price + 1 where id = 41`)).toBe(true);
      await catalog.sql`select setval('tiercel_version', ${position})`;
    });

    test('rises for replicas of other databases too', async () => {
      await catalog.sql.begin(async (tx) => {
        await tx`set local session_replication_role = replica`;
        await tx`set local search_path = ''`;
        const [before] = await tx`select version from public.boms where id = 42`;
        await tx`update public.bom_items set quantity = quantity + 1 where bom_id = 42`;
        const [after] = await tx`select version from public.boms where id = 42`;
        expect(after?.version).toBeGreaterThan(before?.version);
      });
    });
  });

  test('bigint and numeric arrive as numbers, and a number too great is an error', async () => {
    const [row] = await catalog.sql`select ${2 ** 53 - 1}::bigint as id, ${'12.30'}::numeric as price`;
    expect(row).toEqual({ id: 2 ** 53 - 1, price: 12.3 });
    const error = await catalog.sql`select 9007199254740993::bigint as id`.catch((reason: Error) => reason);
    expect(error).toBeInstanceOf(RangeError);
    expect([...(await catalog.sql`select 1 as still`)]).toEqual([{ still: 1 }]);
  });
});
