import { cancellable } from '../../adapters/postgres/index.ts';
import { DuplicateSkuError, UnknownReferenceError } from '../errors.ts';
import type { Product } from '../rows.ts';
import { inTransaction, type Queryable, type Sql, sqlState, type Transaction } from '../sql.ts';

/** A product to add. */
export interface NewProduct {
  /** Unique within the org. */
  readonly sku: string;
  readonly name: string;
  /** 0 to 9,999,999,999.99; rounded to two decimals. */
  readonly price: number;
  /** Default `each`. */
  readonly unit?: string | undefined;
}

/** Changes of a product. A field that is absent stays as it is. */
export interface ProductChanges {
  readonly name?: string | undefined;
  readonly price?: number | undefined;
  readonly unit?: string | undefined;
}

/** A product that was deleted, with the rows that were deleted or changed with it. */
export interface DeletedProduct {
  readonly id: number;
  /** BOMs that made this product, deleted with it, and BOMs that lost it from their items. */
  readonly bomIds: readonly number[];
  /** License plates deleted with it. */
  readonly licensePlateIds: readonly number[];
}

const columns = (sql: Queryable) => sql`id, org_id as "orgId", sku, name, price, unit, version`;

/**
 * Reads an org's products in the order of their ids: the first `limit` beyond the id `after` (0 for the first page).
 */
export async function listProducts(
  sql: Queryable,
  orgId: number,
  limit: number,
  after: number,
  signal?: AbortSignal,
): Promise<Product[]> {
  const rows = await cancellable(
    sql<Product[]>`
      select ${columns(sql)} from products where org_id = ${orgId} and id > ${after} order by id limit ${limit}`,
    signal,
  );
  return [...rows];
}

/** Reads a product of this org; `null` when there is none. */
export async function productById(
  sql: Queryable,
  orgId: number,
  id: number,
  signal?: AbortSignal,
): Promise<Product | null> {
  const [row] = await cancellable(
    sql<Product[]>`select ${columns(sql)} from products where id = ${id} and org_id = ${orgId}`,
    signal,
  );
  return row ?? null;
}

/**
 * Adds a product.
 * @throws {@link DuplicateSkuError} when the org has one with that SKU.
 * @throws {@link UnknownReferenceError} when there is no such org.
 */
export async function insertProduct(sql: Queryable, orgId: number, product: NewProduct): Promise<Product> {
  const { sku, name, price, unit = 'each' } = product;
  try {
    const [row] = await sql<[Product]>`
      insert into products (org_id, sku, name, price, unit) values (${orgId}, ${sku}, ${name}, ${price}, ${unit})
      returning ${columns(sql)}`;
    return row;
  } catch (error) {
    const state = sqlState(error);
    if (state === '23505') throw new DuplicateSkuError(sku);
    if (state === '23503') throw new UnknownReferenceError('org', [orgId]);
    throw error;
  }
}

/** Changes a product of this org; `null` when there is none. */
export async function updateProduct(
  sql: Queryable,
  orgId: number,
  id: number,
  { name, price, unit }: ProductChanges,
): Promise<Product | null> {
  const [row] = await sql<Product[]>`
    update products
    set name = coalesce(${name ?? null}, name), price = coalesce(${price ?? null}, price), unit = coalesce(${unit ?? null}, unit)
    where id = ${id} and org_id = ${orgId}
    returning ${columns(sql)}`;
  return row ?? null;
}

/** Deletes a product of this org with the rows that depend on it; `null` when there is none. */
export async function deleteProduct(sql: Sql | Transaction, orgId: number, id: number): Promise<DeletedProduct | null> {
  return inTransaction(sql, async (tx) => {
    // The lock keeps new rows from referring to the product, so that the answer names all rows that the delete takes
    // along.
    const locked = await tx`select from products where id = ${id} and org_id = ${orgId} for update`;
    if (locked.length === 0) return null;
    const boms = await tx<{ id: number }[]>`
      select id from boms where product_id = ${id} union select bom_id from bom_items where product_id = ${id} order by id`;
    const plates = await tx<{ id: number }[]>`select id from license_plates where product_id = ${id} order by id`;
    await tx`delete from products where id = ${id}`;
    return { id, bomIds: boms.map((bom) => bom.id), licensePlateIds: plates.map((plate) => plate.id) };
  });
}
