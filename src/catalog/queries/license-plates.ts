import { cancellable } from '../../adapters/postgres/index.ts';
import type { LicensePlate, LicensePlateStatus } from '../rows.ts';
import type { Queryable } from '../sql.ts';

/** Changes of a license plate. A field that is absent stays as it is. */
export interface LicensePlateChanges {
  readonly status?: LicensePlateStatus | undefined;
  /** 0 to 999,999,999.999; rounded to three decimals. */
  readonly quantity?: number | undefined;
  readonly location?: string | undefined;
}

const columns = (sql: Queryable) =>
  sql`id, org_id as "orgId", product_id as "productId", quantity, status, location, version`;

/** Reads a license plate of this org; `null` when there is none. */
export async function licensePlateById(
  sql: Queryable,
  orgId: number,
  id: number,
  signal?: AbortSignal,
): Promise<LicensePlate | null> {
  const [row] = await cancellable(
    sql<LicensePlate[]>`select ${columns(sql)} from license_plates where id = ${id} and org_id = ${orgId}`,
    signal,
  );
  return row ?? null;
}

/** Changes a license plate of this org; `null` when there is none. */
export async function updateLicensePlate(
  sql: Queryable,
  orgId: number,
  id: number,
  { status, quantity, location }: LicensePlateChanges,
): Promise<LicensePlate | null> {
  const [row] = await sql<LicensePlate[]>`
    update license_plates
    set status = coalesce(${status ?? null}, status),
        quantity = coalesce(${quantity ?? null}, quantity),
        location = coalesce(${location ?? null}, location)
    where id = ${id} and org_id = ${orgId}
    returning ${columns(sql)}`;
  return row ?? null;
}
