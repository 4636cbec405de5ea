import { afterAll, beforeAll, beforeEach, describe, expect, setDefaultTimeout, test } from 'bun:test';
import { dashboardOf, dashboardsAge, dashboardsAreStale } from '../../src/catalog/queries.ts';
import { refreshDashboards } from '../../src/catalog/refresh-dashboards.ts';
import type { Transaction } from '../../src/catalog/sql.ts';
import { SERVERS_TIME_LIMIT_MS } from '../support/time-limit.ts';
import { CATALOGS, PATIENCE, type SeededCatalog } from './catalog-databases.ts';
import { countByHand, numbersOf } from './support/dashboard-truth.ts';

setDefaultTimeout(SERVERS_TIME_LIMIT_MS);

const NOBODY = 9_007_199_254_740_991;
const UNDONE = new Error('undone');

describe.each(CATALOGS)('dashboards on %s', (_, open) => {
  let catalog: SeededCatalog;

  beforeAll(async () => {
    catalog = await open();
  }, PATIENCE);
  afterAll(() => catalog.close());

  const sourceOf = async (orgId: number) => (await dashboardOf(catalog.sql, orgId))?.freshness.from;

  /** Runs statements as psql would send them, and takes them back. */
  async function trying(act: (tx: Transaction) => Promise<void>): Promise<void> {
    const undone = catalog.sql.begin(async (tx) => {
      await act(tx);
      throw UNDONE;
    });
    expect(await undone.catch((error: unknown) => error)).toBe(UNDONE);
  }

  test('before the first refresh come from the tables, whatever the view holds', async () => {
    expect(await dashboardsAge(catalog.sql)).toEqual({ refreshedAt: null, ageSeconds: null });
    expect(await dashboardsAreStale(catalog.sql)).toBe(true);
    const dashboard = await dashboardOf(catalog.sql, 1, new AbortController().signal);
    expect(dashboard?.freshness).toEqual({ from: 'tables', refreshedAt: expect.any(String), ageSeconds: 0 });
  });

  test('come in the form of the API', async () => {
    expect(JSON.stringify(await dashboardOf(catalog.sql, 2))).toMatch(
      /^\{"orgId":2,"products":100,"boms":50,"licensePlates":\{"available":\d+,"reserved":\d+,"consumed":\d+,"shipped":\d+,"blocked":\d+\},"quantityOnHand":[\d.]+,"inventoryValue":[\d.]+,"version":\d+,"freshness":\{"from":"tables","refreshedAt":"20\d\d-\d\d-\d\dT[\d:.]+Z","ageSeconds":0\}\}$/,
    );
  });

  test('of an org that is not there are null, from the view and from the tables', async () => {
    expect(await dashboardOf(catalog.sql, NOBODY)).toBeNull();
    await refreshDashboards(catalog.sql);
    expect(await dashboardOf(catalog.sql, NOBODY)).toBeNull();
  });

  test('add up to what the rows are', async () => {
    await catalog.sql`update license_plates set quantity = quantity + 0.005 where org_id = 3 and id % 2 = 0`;
    await catalog.sql`update products set price = price + 0.01 where org_id = 3 and id % 3 = 0`;
    for (const from of ['tables', 'view']) {
      if (from === 'view') await refreshDashboards(catalog.sql);
      for (let orgId = 1; orgId <= 10; orgId++) {
        const dashboard = await dashboardOf(catalog.sql, orgId);
        const { version, ...counted } = numbersOf(dashboard) ?? { version: 0 };
        expect<object>(counted).toEqual(await countByHand(catalog.sql, orgId));
        expect(version).toBeGreaterThan(0);
      }
      expect(await sourceOf(3)).toBe(from as 'view');
    }
  });

  test('of an org without anything are all zeros', async () => {
    const [org] = await catalog.sql<[{ id: number }]>`insert into orgs (name) values ('Empty') returning id`;
    for (const from of ['tables', 'view']) {
      if (from === 'view') await refreshDashboards(catalog.sql);
      expect(await dashboardOf(catalog.sql, org.id)).toMatchObject({
        products: 0,
        boms: 0,
        licensePlates: { available: 0, reserved: 0, consumed: 0, shipped: 0, blocked: 0 },
        quantityOnHand: 0,
        inventoryValue: 0,
        version: 0,
        freshness: { from },
      });
    }
    await catalog.sql`delete from orgs where id = ${org.id}`;
    expect(await dashboardOf(catalog.sql, org.id)).toBeNull();
  });

  describe('the version', () => {
    const versions = async (tx: Transaction) => {
      const rows = await tx<{ org: number; version: number }[]>`select org_id as org, version from org_aggregates`;
      return new Map(rows.map(({ org, version }) => [org, version]));
    };
    const PLATE = `insert into license_plates (org_id, product_id, quantity) values (1, 1, 1)`;
    const changes: [name: string, statement: string, orgs: number[]][] = [
      ['a new product', `insert into products (org_id, sku, name, price) values (1, 'V', 'V', 1)`, [1]],
      ['a new BOM', `insert into boms (org_id, product_id, name) values (1, 60, 'V')`, [1]],
      ['a new license plate', PLATE, [1]],
      ['a changed product', `update products set price = price + 1 where id = 1`, [1]],
      ['changed products of two orgs', `update products set unit = 'kg' where id in (99, 199)`, [1, 2]],
      ['a changed BOM', `update boms set name = 'V' where id = 1`, [1]],
      ['a new item', `insert into bom_items (bom_id, product_id, quantity) values (1, 60, 1)`, [1]],
      ['changed items', `update bom_items set quantity = 2 where bom_id in (1, 51)`, [1, 2]],
      ['deleted items', `delete from bom_items where bom_id = 1`, [1]],
      ['a changed license plate', `update license_plates set status = 'shipped', quantity = 0 where id = 1`, [1]],
      ['a deleted license plate', `delete from license_plates where id = 1`, [1]],
      ['a deleted BOM', `delete from boms where id = 1`, [1]],
      ['a deleted product with all that goes with it', `delete from products where id = 1`, [1]],
      ['all license plates deleted', `delete from license_plates`, [1, 2, 3, 4, 5, 6, 7, 8, 9, 10]],
      ['a plate moved to another org', `update license_plates set org_id = 2, product_id = 101 where id = 1`, [1, 2]],
      ['a BOM moved to another org', `update boms set org_id = 2, product_id = 101 where id = 1`, [1, 2]],
      [
        'a product moved to another org',
        `insert into products (id, org_id, sku, name, price) values (5000, 1, 'V', 'V', 1);
         update products set org_id = 2 where id = 5000`,
        [1, 2],
      ],
      [
        'plates that changed places',
        `update license_plates set org_id = 3 - org_id, product_id = case org_id when 1 then 101 else 1 end
         where id in (1, 201)`,
        [1, 2],
      ],
      [
        'one moved in, one moved out, one changed',
        `update license_plates set org_id = case id when 1 then 2 else 1 end, product_id = case id when 1 then 101 else 1 end
         where id in (1, 2, 401)`,
        [1, 2, 3],
      ],
      ['another id', `update license_plates set id = 90000 where id = 1`, [1]],
      ['a plate deleted and made again', `delete from license_plates where id = 1; ${PLATE}`, [1]],
      [
        'a merge',
        `insert into products (id, org_id, sku, name, price) values (1, 1, 'V', 'V', 1) on conflict (id) do update set unit = 'V'`,
        [1],
      ],
      ['TRUNCATE of license plates', `truncate license_plates`, [1, 2, 3, 4, 5, 6, 7, 8, 9, 10]],
      ['TRUNCATE of everything', `truncate products cascade`, [1, 2, 3, 4, 5, 6, 7, 8, 9, 10]],
      ['a replica', `set local session_replication_role = replica; delete from license_plates where id = 1`, [1]],
      ['no search_path', `set local search_path = ''; delete from public.license_plates where id = 1`, [1]],
      ['a read that was counted', `update products set access_count = access_count + 1`, []],
      ['an update that changes nothing', `update license_plates set quantity = quantity`, []],
      ['statements that find nothing', `delete from products where id = 0; update boms set name = '' where id = 0`, []],
      ['a user', `insert into users (org_id, name) values (1, 'V')`, []],
    ];
    for (const [name, statement, orgs] of changes) {
      test(`after ${name} is greater in exactly the orgs concerned`, () =>
        trying(async (tx) => {
          const before = await versions(tx);
          await tx.unsafe(statement);
          await tx`set local search_path = public`;
          const after = await versions(tx);
          const risen = [...after].filter(([org, version]) => version > (before.get(org) ?? 0)).map(([org]) => org);
          expect(risen.sort((a, b) => a - b)).toEqual(orgs);
          for (const [org, version] of after) expect(version).toBeGreaterThanOrEqual(before.get(org) ?? 0);
        }));
    }

    test('goes with the org, and takes nothing from others', () =>
      trying(async (tx) => {
        const before = await versions(tx);
        await tx`delete from orgs where id = 4`;
        before.delete(4);
        expect(await versions(tx)).toEqual(before);
      }));

    test('costs a writer no right', () =>
      trying(async (tx) => {
        const before = await versions(tx);
        await tx.unsafe(`
          create role tiercel_dashboard_clerk;
          grant usage on sequence tiercel_version to tiercel_dashboard_clerk;
          grant select, update, delete, truncate on products, boms, bom_items, license_plates to tiercel_dashboard_clerk;
          set local role tiercel_dashboard_clerk`);
        await tx`delete from license_plates where id = 1`;
        await tx`delete from products where id = 200`;
        await tx`truncate license_plates`;
        await tx`reset role`;
        const after = await versions(tx);
        for (const [org, version] of after) expect(version).toBeGreaterThan(before.get(org) ?? NaN);
      }));

    test('stays when departures are added up; those of orgs that are gone are dropped', async () => {
      const [org] = await catalog.sql<[{ id: number }]>`insert into orgs (name) values ('Gone') returning id`;
      await catalog.sql`insert into products (org_id, sku, name, price) values (${org.id}, 'G', 'G', 1)`;
      await catalog.sql`delete from products where org_id = ${org.id}`;
      await catalog.sql`delete from orgs where id = ${org.id}`;
      await catalog.sql`
        insert into license_plates (id, org_id, product_id, quantity) select 50000 + n, 5, 401, 1 from generate_series(1, 60) n`;
      for (let n = 1; n <= 60; n++) await catalog.sql`delete from license_plates where id = ${50000 + n}`;
      const rows = async (orgId: number) =>
        (await catalog.sql`select from org_departures where org_id = ${orgId}`).length;
      expect([await rows(org.id), await rows(5)]).toEqual([1, 60]);
      const before = numbersOf(await dashboardOf(catalog.sql, 5));
      await refreshDashboards(catalog.sql);
      expect([await rows(org.id), await rows(5)]).toEqual([0, 1]);
      expect(numbersOf(await dashboardOf(catalog.sql, 5))).toEqual(before);
      expect(await sourceOf(5)).toBe('view');
    });
  });

  describe('the view', () => {
    beforeEach(async () => {
      expect(await refreshDashboards(catalog.sql)).toBe(true);
      expect(await sourceOf(6)).toBe('view');
    });

    test('is used while nothing has changed, and says of when it is', async () => {
      const { refreshedAt, ageSeconds } = await dashboardsAge(catalog.sql);
      const first = await dashboardOf(catalog.sql, 6);
      const later = await dashboardOf(catalog.sql, 6);
      expect(first?.freshness.refreshedAt).toBe(refreshedAt?.toISOString() ?? '');
      expect(first?.freshness.ageSeconds).toBeGreaterThanOrEqual(ageSeconds ?? NaN);
      expect(later?.freshness.ageSeconds).toBeGreaterThanOrEqual(first?.freshness.ageSeconds ?? NaN);
      expect(later?.freshness.ageSeconds).toBeLessThan(60);
      expect(await dashboardsAreStale(catalog.sql)).toBe(false);
    });

    test('is not used by an org of which it has missed a change, and by the others it is', async () => {
      const before = await dashboardOf(catalog.sql, 6);
      await catalog.sql.unsafe(`update license_plates set status = 'blocked', quantity = 7.5 where id = 1001`);
      const after = await dashboardOf(catalog.sql, 6);
      expect(after?.freshness.from).toBe('tables');
      expect(after?.version).toBeGreaterThan(before?.version ?? NaN);
      expect<object>({ ...numbersOf(after), version: 0 }).toEqual({
        ...(await countByHand(catalog.sql, 6)),
        version: 0,
      });
      expect([await sourceOf(7), await dashboardsAreStale(catalog.sql)]).toEqual(['view', true]);
      await refreshDashboards(catalog.sql);
      expect(numbersOf(await dashboardOf(catalog.sql, 6))).toEqual(numbersOf(after));
      expect(await sourceOf(6)).toBe('view');
    });

    const changes: [name: string, statement: string][] = [
      ['a product', `update products set price = price + 1 where id = 501`],
      ['an item', `update bom_items set quantity = quantity + 1 where bom_id = 251`],
      ['a move to it', `update license_plates set org_id = 6, product_id = 501 where id = 1`],
      ['TRUNCATE', `truncate license_plates`],
      [
        'a bulk of more than the outbox names',
        `insert into orgs (id, name) select 100 + n, 'B' from generate_series(1, 600) n`,
      ],
    ];
    for (const [name, statement] of changes) {
      test(`is not used after ${name}`, () =>
        trying(async (tx) => {
          await tx.unsafe(statement);
          expect((await dashboardOf(tx, 6))?.freshness.from).toBe('tables');
          expect(await dashboardsAreStale(tx)).toBe(true);
        }));
    }

    test('knows no org that came after it, and none that is gone', () =>
      trying(async (tx) => {
        await tx`insert into orgs (id, name) values (77, 'New')`;
        expect(await dashboardOf(tx, 77)).toMatchObject({ orgId: 77, freshness: { from: 'tables' } });
        await tx`delete from orgs where id = 6`;
        expect(await dashboardOf(tx, 6)).toBeNull();
        expect((await dashboardOf(tx, 7))?.freshness.from).toBe('view');
      }));

    const invalidations: [name: string, columns: string, values: string, from: ('view' | 'tables')[]][] = [
      ['its key', 'keys', `array['dashboard:org:6']`, ['tables', 'view']],
      ['its org', 'tags', `array['org:6']`, ['tables', 'view']],
      ['all dashboards', 'tags', `array['x', 'dashboards']`, ['tables', 'tables']],
      ['everything', 'tags', `array[E'\\x01\\x01']`, ['tables', 'tables']],
      [
        'something else',
        'keys, tags',
        `array['product:6', 'dashboard:org:66'], array['products', 'org:66']`,
        ['view', 'view'],
      ],
    ];
    for (const [name, columns, values, from] of invalidations) {
      test(`is believed as far as an invalidation by hand of ${name} leaves it`, () =>
        trying(async (tx) => {
          await tx.unsafe(`insert into tiercel_outbox (${columns}) values (${values})`);
          const sources = [await dashboardOf(tx, 6), await dashboardOf(tx, 7)].map((one) => one?.freshness.from);
          expect(sources).toEqual(from);
        }));
    }

    test('is stale for whatever concerns a dashboard, and for nothing else', () =>
      trying(async (tx) => {
        await tx`insert into tiercel_outbox (keys, tags) values (array['product:1', 'x'], array['products', 'user:1'])`;
        expect(await dashboardsAreStale(tx)).toBe(false);
        await tx`savepoint before`;
        for (const [column, name] of [
          ['keys', 'dashboard:org:9'],
          ['tags', 'org:9'],
          ['tags', 'dashboards'],
          ['tags', '\u0001\u0001'],
        ] as const) {
          await tx`insert into tiercel_outbox (${tx(column)}) values (array['x', ${name}])`;
          expect([name, await dashboardsAreStale(tx)]).toEqual([name, true]);
          await tx`rollback to before`;
        }
      }));

    test('is not used when it is older than the outbox can judge, or younger than can be', () =>
      trying(async (tx) => {
        const source = async () => (await dashboardOf(tx, 6))?.freshness.from;
        for (const [interval, expected] of [
          ['-4 minutes -50 seconds', 'view'],
          ['-5 minutes -1 second', 'tables'],
          ['1 minute', 'tables'],
        ] as const) {
          await tx`update org_dashboards_refresh set refreshed_at = clock_timestamp() + ${interval}::interval`;
          expect([interval, await source(), await dashboardsAreStale(tx)]).toEqual([
            interval,
            expected,
            expected === 'tables',
          ]);
        }
        expect((await dashboardsAge(tx)).ageSeconds).toBe(0);
      }));

    test('is not used where a dump has brought it: the numbers of transactions are those of another cluster', () =>
      trying(async (tx) => {
        await tx`update org_dashboards_refresh set cluster = cluster + 1`;
        expect((await dashboardOf(tx, 6))?.freshness.from).toBe('tables');
        expect(await dashboardsAreStale(tx)).toBe(true);
      }));

    test('that was never filled is not used, and the next refresh fills it', async () => {
      await catalog.sql`refresh materialized view org_dashboards with no data`;
      const dashboard = await dashboardOf(catalog.sql, 6, new AbortController().signal);
      expect(dashboard?.freshness.from).toBe('tables');
      expect(await refreshDashboards(catalog.sql)).toBe(true);
      expect(numbersOf(await dashboardOf(catalog.sql, 6))).toEqual(numbersOf(dashboard));
      expect(await sourceOf(6)).toBe('view');
    });

    test('that is not there is done without', async () => {
      await catalog.sql`alter materialized view org_dashboards rename to put_aside`;
      const dashboard = await dashboardOf(catalog.sql, 6);
      const refused = await refreshDashboards(catalog.sql).catch((error: { code: string }) => error.code);
      await catalog.sql`alter materialized view put_aside rename to org_dashboards`;
      expect([dashboard?.freshness.from, refused]).toEqual(['tables', '42P01']);
      expect(numbersOf(await dashboardOf(catalog.sql, 6))).toEqual(numbersOf(dashboard));
    });
  });
});
