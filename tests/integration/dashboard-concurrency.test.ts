import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from 'bun:test';
import { dashboardOf, deleteProduct } from '../../src/catalog/queries.ts';
import { refreshDashboards } from '../../src/catalog/refresh-dashboards.ts';
import { type Sql, sqlState, type Transaction } from '../../src/catalog/sql.ts';
import { SeededRandom } from '../../src/testing/seeded-random.ts';
import { effort } from '../support/effort.ts';
import { openSeededPostgres, type SeededCatalog } from './catalog-databases.ts';
import { type Numbers, numbersOf } from './support/dashboard-truth.ts';

setDefaultTimeout(60_000);

let database: SeededCatalog;
let sql: Sql;

beforeAll(async () => {
  database = await openSeededPostgres();
  sql = database.sql;
});

afterAll(() => database.close());

/** Takes a step in a transaction of its own, and commits it when it is told to. */
async function begun(statement: string): Promise<{ commit(): Promise<void> }> {
  const gate = Promise.withResolvers<void>();
  const ready = Promise.withResolvers<void>();
  const whole = sql.begin(async (tx) => {
    await tx.unsafe(statement);
    ready.resolve();
    await gate.promise;
  });
  whole.catch(ready.reject);
  await ready.promise;
  return {
    async commit() {
      gate.resolve();
      await whole;
    },
  };
}

const versionOf = async (orgId: number) => (await dashboardOf(sql, orgId))?.version ?? Number.NaN;
const sourceOf = async (orgId: number) => (await dashboardOf(sql, orgId))?.freshness.from;

describe('the version of an org', () => {
  const first = {
    change: `update products set price = price + 1 where id = 1`,
    insert: `insert into license_plates (org_id, product_id, quantity) values (1, 1, 1)`,
    delete: `delete from license_plates where id = 1`,
    'move away': `update license_plates set org_id = 3, product_id = 201 where id = 2`,
  };
  const second = {
    change: `update products set price = price + 1 where id = 2`,
    insert: `insert into license_plates (org_id, product_id, quantity) values (1, 2, 1)`,
    delete: `delete from license_plates where id = 3`,
    'move away': `update license_plates set org_id = 4, product_id = 301 where id = 4`,
  };
  for (const [one, statement] of Object.entries(first)) {
    for (const [other, overlapping] of Object.entries(second)) {
      test(`rises with each commit when a ${one} draws first and commits last, around a ${other}`, async () => {
        const before = await versionOf(1);
        const early = await begun(statement);
        const late = await begun(overlapping);
        expect(await versionOf(1)).toBe(before);
        await late.commit();
        const between = await versionOf(1);
        expect(between).toBeGreaterThan(before);
        await early.commit();
        expect(await versionOf(1)).toBeGreaterThan(between);
        await sql`delete from license_plates where org_id in (3, 4) and id < 10`;
        await sql`
          insert into license_plates (id, org_id, product_id, quantity)
          select id, 1, id, 1 from generate_series(1, 4) id on conflict do nothing`;
      });
    }
  }

  test('delays no writer: none waits for another writer of the same org', async () => {
    const early = await begun(Object.values(first).join(';'));
    const late = await begun(Object.values(second).join(';'));
    await Promise.all([early.commit(), late.commit()]);
  });

  test('makes no deletion of an org fail or wait for ever that meets deletions of its products', async () => {
    await sql`insert into orgs (id, name) select 1000 + n, 'Brief' from generate_series(1, 60) n`;
    await sql`
      insert into products (id, org_id, sku, name, price)
      select 100000 + 10 * org + n, 1000 + org, n::text, 'P', 1 from generate_series(1, 60) org, generate_series(0, 4) n`;
    for (let org = 1; org <= 60; org++) {
      const ids = [0, 1, 2, 3, 4].map((n) => 100_000 + 10 * org + n);
      const products = ids.map((id) => deleteProduct(sql, 1_000 + org, id));
      await Promise.all([...products, sql`delete from orgs where id = ${1_000 + org}`]);
    }
    await refreshDashboards(sql);
    expect(await sql`select from org_departures where org_id > 1000`).toHaveLength(0);
  });
});

describe('the view', () => {
  test('is not used for a change that was under way while it was refreshed, and is for other orgs', async () => {
    const early = await begun(`update products set price = price + 1 where id = 501`);
    await sql`update products set price = price + 1 where id = 502`;
    await refreshDashboards(sql);
    await sql`update products set price = price + 1 where id = 601`;
    expect([await sourceOf(6), await sourceOf(7), await sourceOf(8)]).toEqual(['view', 'tables', 'view']);
    await early.commit();
    expect([await sourceOf(6), await sourceOf(7), await sourceOf(8)]).toEqual(['tables', 'tables', 'view']);
  });

  test('is not held up by a transaction that takes long, and does not forget it', async () => {
    const long = await begun(`update products set price = price + 1 where id = 701`);
    for (let round = 0; round < 3; round++) expect(await refreshDashboards(sql)).toBe(true);
    expect(await sourceOf(8)).toBe('view');
    await long.commit();
    expect(await sourceOf(8)).toBe('tables');
    await refreshDashboards(sql);
    expect(await sourceOf(8)).toBe('view');
  });

  test('is refreshed by one instance at a time, while no other refresh waits or fails', async () => {
    const holder = await begun(`lock table org_dashboards_refresh in exclusive mode`);
    expect(await refreshDashboards(sql)).toBe(false);
    expect(await sourceOf(9)).toBeDefined();
    await holder.commit();

    const outcomes: boolean[] = [];
    for (let round = 0; round < 40; round++) {
      const write = sql`update products set price = price + 1 where id = ${801 + round}`;
      const refreshes = Array.from({ length: 4 }, () => refreshDashboards(sql));
      const [, ...results] = await Promise.all([write, ...refreshes]);
      expect(results).toContain(true);
      outcomes.push(...results);
    }
    expect(outcomes).toContain(false);
  });

  test('that an operator refreshes by hand is not used for rows changed before', async () => {
    await refreshDashboards(sql);
    await sql`update products set price = price + 1 where id = 901`;
    await sql`refresh materialized view concurrently org_dashboards`;
    expect(await sourceOf(10)).toBe('tables');
    await refreshDashboards(sql);
    expect(await sourceOf(10)).toBe('view');
  });
});

describe('under random writers, and with the view refreshed at random', () => {
  const ORGS = 10;
  const ROUNDS = effort({ quick: 60, long: 150 });
  /** A weakened dashboard shows a wrong answer within a few. */
  const MOST_ROUNDS = 150;
  const whole = (random: SeededRandom, low: number, high: number) => Math.floor(random.between(low, high + 1));

  /** One change as psql would send it. */
  function change(random: SeededRandom): string {
    const [org, other] = [whole(random, 1, ORGS), whole(random, 1, ORGS)];
    const product = (org - 1) * 100 + whole(random, 1, 99);
    const plate = (org - 1) * 200 + whole(random, 10, 200);
    const firstOf = (id: number) => `(select min(id) from products where org_id = ${id})`;
    return random.pick([
      `update products set price = price + 1 where id = ${product}`,
      `update license_plates set quantity = quantity + 1, status = 'reserved' where id = ${plate}`,
      `update license_plates set org_id = ${other}, product_id = ${firstOf(other)} where id = ${plate}`,
      `delete from license_plates where id = ${plate}`,
      `insert into license_plates (org_id, product_id, quantity) values (${org}, ${firstOf(org)}, 5)`,
      `insert into bom_items (bom_id, product_id, quantity)
       select min(id), min(product_id), 1 from boms where org_id = ${org}`,
      `delete from bom_items where bom_id = (select max(id) from boms where org_id = ${org})`,
    ]);
  }

  /** A transaction of some changes; one in five is taken back. */
  async function write(random: SeededRandom): Promise<void> {
    const steps = Array.from({ length: whole(random, 1, 3) }, () => change(random));
    const isKept = random.chance(0.8);
    const written = sql.begin(async (tx) => {
      for (const step of steps) await tx.unsafe(step);
      if (!isKept) throw new Error('taken back');
    });
    await written.catch((error: unknown) => {
      // Two that want each other's rows: one of them is taken back.
      if (isKept && sqlState(error) !== '40P01') throw error;
    });
  }

  /** The numbers of the tables, in the snapshot of a transaction. */
  async function truthOf(tx: Transaction, orgId: number): Promise<Numbers> {
    const [row] = await tx<[Numbers & Numbers['licensePlates']]>`
      select org_id as "orgId", products, boms, available, reserved, consumed, shipped, blocked,
             quantity_on_hand as "quantityOnHand", inventory_value as "inventoryValue", version
      from org_aggregates where org_id = ${orgId}`;
    const { available, reserved, consumed, shipped, blocked, ...numbers } = row;
    return { ...numbers, licensePlates: { available, reserved, consumed, shipped, blocked } };
  }

  /**
   * Reads dashboards beside the truth of the very same snapshot. Answers how many came from where, and how many were wrong.
   * In each round some things happen at once; some transactions go on through several rounds. Ends after `rounds`, or at
   * the first dashboard that is wrong.
   */
  async function compare(seed: number, rounds: number): Promise<Record<'view' | 'tables' | 'wrong', number>> {
    const random = new SeededRandom(seed);
    const seen = { view: 0, tables: 0, wrong: 0 };
    const read = (orgId: number) =>
      sql.begin('isolation level repeatable read', async (tx) => {
        const dashboard = await dashboardOf(tx, orgId);
        if (!Bun.deepEquals(numbersOf(dashboard), await truthOf(tx, orgId))) seen.wrong += 1;
        seen[dashboard?.freshness.from ?? 'wrong'] += 1;
      });
    const open = new Map<number, { commit(): Promise<void> }>();
    for (let round = 0; round < rounds && seen.wrong === 0; round++) {
      const org = whole(random, 1, ORGS);
      const long = open.get(org);
      open.delete(org);
      // A row that nobody else changes, or the round would wait for it.
      if (long === undefined)
        open.set(org, await begun(`update products set price = price + 1 where id = ${org * 100}`));
      await Promise.all([
        long?.commit(),
        ...(random.chance(0.7) ? [refreshDashboards(sql)] : []),
        ...Array.from({ length: whole(random, 0, 2) }, () => write(random.fork())),
        ...Array.from({ length: 3 }, () => read(whole(random, 1, ORGS))),
      ]);
    }
    for (const { commit } of open.values()) await commit();
    return seen;
  }

  test('no dashboard is ever other than the tables are', async () => {
    const { view, tables, wrong } = await compare(1, ROUNDS);
    expect(wrong).toBe(0);
    expect(view).toBeGreaterThan(ROUNDS / 3);
    expect(tables).toBeGreaterThan(ROUNDS / 3);
  });

  test('which is found out when a table says nothing of its changes', async () => {
    await sql`alter table products disable trigger tiercel_outbox_update`;
    expect((await compare(2, MOST_ROUNDS)).wrong).toBeGreaterThan(0);
    await sql`alter table products enable always trigger tiercel_outbox_update`;
  });

  test('and when the view takes what was under way for seen, as a mark by time or number would', async () => {
    await sql.unsafe(`
      create function forget() returns trigger language plpgsql as $$
      declare next xid8 := pg_snapshot_xmax(new.snapshot);
      begin
        new.snapshot := format('%s:%s:', next, next);
        return new;
      end $$;
      create trigger forget before update on org_dashboards_refresh for each row execute function forget();`);
    expect((await compare(3, MOST_ROUNDS)).wrong).toBeGreaterThan(0);
    await sql`drop function forget cascade`;
  });
});
