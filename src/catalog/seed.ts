import { readFile } from 'node:fs/promises';
import type { Log } from './migrate.ts';
import { inTransaction, type Queryable, type Sql } from './sql.ts';

const SAMPLE = new URL('./sample.sql', import.meta.url);

/** Sample rows of these tables carry ids of their own, so later rows must be numbered after them. */
const NUMBERED = ['orgs', 'products', 'boms', 'license_plates', 'users'] as const;

/**
 * Fills in the sample catalog: 10 orgs, 1,000 products, 500 BOMs of 3 to 8 items, 2,000 license plates, 50 users with
 * permissions. Org `n` owns products `100n−99` to `100n`, and likewise for the other tables.
 *
 * It adds the same rows each time, in one transaction. A row whose id is taken is left as it is, with its items or
 * permissions, so a second run changes nothing.
 * @returns the number of rows that were added.
 */
export async function seed(sql: Sql, options: { readonly log?: Log | undefined } = {}): Promise<number> {
  const statements = await readFile(SAMPLE, 'utf8');
  const added = await inTransaction(sql, async (tx) => {
    const before = await countRows(tx);
    await tx.unsafe(statements);
    for (const table of NUMBERED) await advanceSequence(tx, table);
    return (await countRows(tx)) - before;
  });
  options.log?.(added === 0 ? 'the sample catalog is complete' : `added ${added} rows of the sample catalog`);
  return added;
}

async function countRows(tx: Queryable): Promise<number> {
  const [row] = await tx<{ rows: number }[]>`
    select (select count(*) from orgs) + (select count(*) from products) + (select count(*) from boms)
         + (select count(*) from bom_items) + (select count(*) from license_plates)
         + (select count(*) from users) + (select count(*) from permissions) as rows`;
  return Number(row?.rows);
}

/** Moves a sequence forward, never back: an id that was given out once is not given again. */
async function advanceSequence(tx: Queryable, table: (typeof NUMBERED)[number]): Promise<void> {
  const [row] = await tx<{ name: string }[]>`select pg_get_serial_sequence(${table}, 'id') as name`;
  if (row === undefined) throw new Error(`The ids of ${table} come from no sequence`);
  await tx`
    select setval(${row.name}, highest) from (select max(id) as highest from ${tx(table)}) ids
    where highest > coalesce(pg_sequence_last_value(${row.name}::regclass), 0)`;
}
