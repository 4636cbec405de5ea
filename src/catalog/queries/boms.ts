import { cancellable } from '../../adapters/postgres/index.ts';
import { UnknownReferenceError } from '../errors.ts';
import type { Bom, BomItem } from '../rows.ts';
import { bigints, inTransaction, type Queryable, type Sql, type Transaction } from '../sql.ts';

/** Reads a BOM of this org with its items in order; `null` when there is none. */
export async function bomById(sql: Queryable, orgId: number, id: number, signal?: AbortSignal): Promise<Bom | null> {
  // One statement has one snapshot: the version always belongs to the items beside it.
  const [row] = await cancellable(
    sql<Bom[]>`
      select id, org_id as "orgId", product_id as "productId", name, version,
             coalesce((
               select json_agg(json_build_object('productId', product_id, 'quantity', quantity, 'unit', unit) order by bom_items.id)
               from bom_items where bom_id = boms.id
             ), '[]') as items
      from boms where id = ${id} and org_id = ${orgId}`,
    signal,
  );
  return row ?? null;
}

/**
 * Replaces the items of a BOM of this org, in one transaction. `null` when there is no such BOM.
 * @throws {@link UnknownReferenceError} naming every product that this org does not have.
 */
export async function replaceBomItems(
  sql: Sql | Transaction,
  orgId: number,
  id: number,
  items: readonly BomItem[],
): Promise<Bom | null> {
  return inTransaction(sql, async (tx) => {
    // Two replacements of one BOM take turns. Without the lock, the items of both would stay.
    const locked = await tx`select from boms where id = ${id} and org_id = ${orgId} for update`;
    if (locked.length === 0) return null;
    await assertProducts(tx, orgId, [...new Set(items.map((item) => item.productId))]);
    await tx`delete from bom_items where bom_id = ${id}`;
    await tx`
      insert into bom_items (bom_id, product_id, quantity, unit)
      select ${id}, (item ->> 'productId')::bigint, (item ->> 'quantity')::numeric, item ->> 'unit'
      from jsonb_array_elements(${JSON.stringify(items)}::text::jsonb) with ordinality as line (item, rank)
      order by rank`;
    return bomById(tx, orgId, id);
  });
}

/**
 * Checks that the products exist, and locks them. A product that was deleted between this check and the insert would
 * cause a foreign key error.
 */
async function assertProducts(tx: Transaction, orgId: number, ids: readonly number[]): Promise<void> {
  const found = await tx<{ id: number }[]>`
    select id from products where org_id = ${orgId} and id = any (${bigints(tx, ids)}) order by id for key share`;
  const known = new Set(found.map((product) => product.id));
  const unknown = ids.filter((id) => !known.has(id));
  if (unknown.length > 0) throw new UnknownReferenceError('product', unknown);
}
