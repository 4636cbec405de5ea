import type { Dashboard, LicensePlateStatus } from '../../../src/catalog/queries.ts';
import type { Queryable } from '../../../src/catalog/sql.ts';

/** A dashboard without what says where it came from. */
export type Numbers = Omit<Dashboard, 'freshness'>;

/** What a dashboard says of its org, without where it says it from. */
export function numbersOf(dashboard: Dashboard | null): Numbers | null {
  if (dashboard === null) return null;
  const { freshness: _, ...numbers } = dashboard;
  return numbers;
}

/** The numbers of an org but its version, added up here from the plain rows, in whole thousandths and cents. */
export async function countByHand(sql: Queryable, orgId: number): Promise<Omit<Numbers, 'version'>> {
  const products = await sql<{ id: number; price: string }[]>`
    select id, price::text from products where org_id = ${orgId}`;
  const boms = await sql`select from boms where org_id = ${orgId}`;
  const plates = await sql<{ status: LicensePlateStatus; quantity: string; product: number }[]>`
    select status, quantity::text, product_id as product from license_plates where org_id = ${orgId}`;
  const prices = new Map(products.map(({ id, price }) => [id, whole(price)]));
  const licensePlates = { available: 0, reserved: 0, consumed: 0, shipped: 0, blocked: 0 };
  let thousandths = 0n;
  let value = 0n;
  for (const { status, quantity, product } of plates) {
    licensePlates[status] += 1;
    if (status === 'consumed' || status === 'shipped') continue;
    thousandths += whole(quantity);
    value += whole(quantity) * (prices.get(product) ?? 0n);
  }
  return {
    orgId,
    products: products.length,
    boms: boms.length,
    licensePlates,
    quantityOnHand: Number(thousandths) / 1_000,
    // Of hundred-thousandths, rounded to hundredths.
    inventoryValue: Number((value + 500n) / 1_000n) / 100,
  };
}

/** The digits of a decimal number, all of its places told. */
function whole(decimal: string): bigint {
  return BigInt(decimal.replace('.', ''));
}
