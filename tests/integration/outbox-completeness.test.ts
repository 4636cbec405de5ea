import { afterAll, afterEach, beforeAll, describe, expect, setDefaultTimeout, test } from 'bun:test';
import fc from 'fast-check';
import postgres from 'postgres';
import { outboxSql } from '../../src/adapters/postgres/index.ts';
import { migrate } from '../../src/catalog/migrate.ts';
import { mergeByTable } from '../../src/catalog/outbox.ts';
import { catalogResources } from '../../src/catalog/resources/index.ts';
import type { Sql } from '../../src/catalog/sql.ts';
import type { Resource } from '../../src/resources/resource.ts';
import { effort } from '../support/effort.ts';
import { FIXTURE, IDS, ORG_IDS, rowStatement, transactions, type WrittenTransaction } from './catalog-dml.ts';
import { type OutboxDatabase, openOnPostgres, type Written, written } from './outbox-databases.ts';

// Whatever is written by whatever statements: what a cache holds of the catalog and is no longer so is named in the outbox.

setDefaultTimeout(effort({ quick: 60_000, long: 600_000 }));

/** What a cache would hold under a key: a value, and the tags that the entry carries. */
interface CachedValue {
  readonly json: string;
  readonly tags: readonly string[];
}

const ALL_TAGS: ReadonlySet<string> = new Set(
  catalogResources.flatMap((resource) => resource.feeds.flatMap((feed) => feed.all)),
);
const FEEDS = catalogResources.flatMap((resource) => resource.feeds);

let database: OutboxDatabase;

beforeAll(async () => {
  database = await openOnPostgres();
  await migrate(database.sql);
});
afterAll(() => database.close());

describe('the outbox of the catalog', () => {
  test('names everything that a transaction made untrue, in terms of what is cached', async () => {
    await fc.assert(
      fc.asyncProperty(transactions, async (run) => {
        const problem = await firstUnnamed(database.sql, run);
        if (problem !== undefined) throw new Error(problem);
      }),
      { numRuns: effort({ quick: 24, long: 240 }) },
    );
  });

  test('names no more than the keys that one statement changed, and nothing by the bulk', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(rowStatement, { minLength: 1, maxLength: 6 }), async (statements) => {
        await database.sql.unsafe(FIXTURE);
        let before = await cached(database.sql);
        for (const statement of statements) {
          await run(database.sql, { statements: [statement], isReplica: false, end: 'commit' });
          const after = await cached(database.sql);
          const rows = await written(database.sql);
          const needless = rows
            .flatMap(({ keys }) => keys)
            // Keys in the form of 0.1 are named beside them, and no resource makes them any more.
            .filter((key) => before.has(key))
            .filter((key) => before.get(key)?.json === after.get(key)?.json)
            // Of users, every UPDATE counts: they have no version.
            .filter((key) => !key.startsWith('user:session:'));
          expect({ statement, needless }).toEqual({ statement, needless: [] });
          expect(rows.flatMap(({ tags }) => tags).filter((tag) => ALL_TAGS.has(tag))).toEqual([]);
          before = after;
        }
      }),
      { numRuns: effort({ quick: 16, long: 160 }) },
    );
  });

  test('names all by the bulk when too many rows changed', async () => {
    await database.sql.unsafe(`${FIXTURE};
      insert into products (id, org_id, sku, name, price) select i, 1, i, 'Many', 1 from generate_series(100, 1000) i;
      delete from tiercel_outbox`);
    const before = await cached(database.sql);
    await database.sql`update products set price = price + 1`;
    const after = await cached(database.sql);
    const rows = await written(database.sql);
    expect(rows).toHaveLength(1);
    expect(rows[0]?.tags).toContain('products');
    expect(unnamed(before, after, rows)).toEqual([]);
    expect(after.get('product:1:1')).not.toEqual(before.get('product:1:1'));
  });

  describe('lacks something, or the property could not fail,', () => {
    const tables = [...new Set(FEEDS.map(({ table }) => table))];
    afterEach(async () => {
      await database.sql.unsafe(outboxSql(mergeByTable(FEEDS)));
    });

    async function expectMissing(): Promise<void> {
      const property = fc.asyncProperty(
        transactions,
        async (given) => (await firstUnnamed(database.sql, given)) === undefined,
      );
      const { failed } = await fc.check(property, { numRuns: 1_000, endOnFailure: true });
      expect(failed).toBe(true);
    }

    test.each(tables)('if %s is not watched', async (table) => {
      await database.sql.unsafe(outboxSql(mergeByTable(FEEDS.filter((feed) => feed.table !== table))));
      await expectMissing();
    });

    test.each(['insert', 'update', 'delete', 'truncate'])('if no %s is seen', async (statement) => {
      const drops = tables.map((table) => `drop trigger tiercel_outbox_${statement} on ${table};`);
      await database.sql.unsafe(drops.join(' '));
      await expectMissing();
    });

    test('if only what a row becomes is said, and not what it was', async () => {
      const text = outboxSql(mergeByTable(FEEDS));
      const forgetful = text.replaceAll(
        /from old_rows (union all|except all)/g,
        (_, operator: string) => `from old_rows where false ${operator}`,
      );
      expect(forgetful).not.toBe(text);
      await database.sql.unsafe(forgetful);
      await expectMissing();
    });
  });
});

/** Runs transactions on the fixture; says of the first that left something unnamed what that was. */
async function firstUnnamed(sql: Sql, transactions: readonly WrittenTransaction[]): Promise<string | undefined> {
  await sql.unsafe(FIXTURE);
  let before = await cached(sql);
  for (const transaction of transactions) {
    await run(sql, transaction);
    const after = await cached(sql);
    const rows = await written(sql);
    const missing = unnamed(before, after, rows);
    if (missing.length > 0) return `${missing} changed, and the outbox says only ${JSON.stringify(rows)}`;
    if (transaction.end === 'rollback' && rows.length > 0) return `${JSON.stringify(rows)} was rolled back`;
    before = after;
  }
  return undefined;
}

async function run(sql: Sql, { statements, isReplica, end }: WrittenTransaction): Promise<void> {
  const rollBack = new Error('roll back');
  try {
    await sql.begin(async (tx) => {
      if (isReplica) await tx`set local session_replication_role = replica`;
      for (const statement of statements) await tx.savepoint((inner) => inner.unsafe(statement)).catch(expectRefusal);
      if (end === 'rollback') throw rollBack;
    });
  } catch (error) {
    if (error !== rollBack) throw error;
  }
}

/** By a rule of the schema, class 23; or, from MERGE and ON CONFLICT, for touching one row twice. */
function expectRefusal(error: unknown): void {
  if (!(error instanceof postgres.PostgresError) || !/^(23|21)/.test(error.code)) throw error;
}

/** Keys whose value changed although neither they nor a tag of the entry that was cached has been named. */
function unnamed(
  before: ReadonlyMap<string, CachedValue>,
  after: ReadonlyMap<string, CachedValue>,
  rows: readonly Written[],
): string[] {
  const keys = new Set(rows.flatMap((row) => row.keys));
  const tags = new Set(rows.flatMap((row) => row.tags));
  return [...before]
    .filter(([key, { json }]) => json !== after.get(key)?.json)
    .filter(([key, value]) => !keys.has(key) && !value.tags.some((tag) => tags.has(tag)))
    .map(([key]) => key);
}

/** Everything that a cache could hold of the small catalog, absence included, as it would be loaded now. */
async function cached(sql: Sql): Promise<Map<string, CachedValue>> {
  const entries = catalogResources.flatMap((resource) =>
    paramsOf(resource).map(async (params): Promise<[string, CachedValue]> => {
      const value = await resource.load({ sql, params, signal: new AbortController().signal });
      const tags = [...resource.tags(params), ...(value === null ? [] : (resource.valueTags?.(value) ?? []))];
      return [resource.key(params), { json: JSON.stringify(value, withoutFreshness), tags }];
    }),
  );
  return new Map(await Promise.all(entries));
}

/** When a dashboard was counted is no news of the org. */
function withoutFreshness(name: string, value: unknown): unknown {
  return name === 'freshness' ? undefined : value;
}

function paramsOf(resource: Resource): Record<string, number>[] {
  if (resource.route.includes(':id')) return ORG_IDS.flatMap((orgId) => IDS.map((id) => ({ orgId, id })));
  const pages =
    Object.keys(resource.query).length === 0
      ? [{}]
      : [
          { limit: 100, after: 0 },
          { limit: 2, after: 0 },
          { limit: 2, after: 2 },
        ];
  return ORG_IDS.flatMap((orgId) => pages.map((page) => ({ orgId, ...page })));
}
