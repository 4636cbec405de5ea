import type { Sql } from 'postgres';
import { bomPath, platePath, productPath } from '../integration/support/catalog-requests.ts';
import type { Seen } from './records.ts';

/** A row of the sample catalog that is written and read. */
export interface Row {
  /** `<kind>:<id>`, as records name it. */
  readonly name: string;
  readonly method: 'PATCH' | 'PUT';
  readonly path: string;
  /** A body that carries the label. */
  body(label: number): unknown;
}

/** One key of the cache, and the rows that its answers show. */
export interface View {
  /** Its path. */
  readonly name: string;
  readonly rows: readonly string[];
  /** The rows of an answer. @throws Error when they are not those that were asked for. */
  read(body: unknown): Seen[];
}

type Json = Readonly<Record<string, unknown>>;

const products = [1, 2, 3, 4, 5, 6].map((id) =>
  row('product', id, 'PATCH', productPath(id), (label) => ({ name: `#${label}` })),
);
const boms = [1, 2, 3].map((id) =>
  row('bom', id, 'PUT', `${bomPath(id)}/items`, (label) => [{ productId: 1, quantity: label, unit: 'soak' }]),
);
const plates = [1, 2, 3].map((id) => row('plate', id, 'PATCH', platePath(id), (label) => ({ location: `#${label}` })));

/** A handful, so that everybody meets everybody. All of one org. */
export const ROWS: readonly Row[] = [...products, ...boms, ...plates];

export const VIEWS: readonly View[] = [
  ...products.map(({ name, path }) => single(name, path)),
  ...boms.map(({ name, path }) => single(name, path.replace(/\/items$/, ''))),
  ...plates.map(({ name, path }) => single(name, path)),
  list('/api/v1/orgs/1/products?limit=4', products.slice(0, 4)),
  list('/api/v1/orgs/1/products?limit=3&after=3', products.slice(3, 6)),
];

/** The versions that the database holds of {@link ROWS}. */
export async function versionsIn(sql: Sql): Promise<Map<string, number>> {
  const rows = await sql<{ name: string; version: string }[]>`
    select 'product:' || id as name, version from products where id <= ${products.length}
    union all select 'bom:' || id, version from boms where id <= ${boms.length}
    union all select 'plate:' || id, version from license_plates where id <= ${plates.length}`;
  return new Map(rows.map(({ name, version }) => [name, Number(version)]));
}

/** What an answer says of a row of that name. */
export function seenIn(name: string, body: unknown): Seen {
  const [kind = '', id] = name.split(':');
  const shown = body as Json;
  if (shown.id !== Number(id)) throw new Error(`asked for ${name} and got id ${shown.id}`);
  return { row: name, version: Number(shown.version), label: labelOf(kind, shown) };
}

function row(kind: string, id: number, method: Row['method'], path: string, body: Row['body']): Row {
  return { name: `${kind}:${id}`, method, path, body };
}

function single(row: string, path: string): View {
  return { name: path, rows: [row], read: (body) => [seenIn(row, body)] };
}

function list(path: string, rows: readonly Row[]): View {
  return {
    name: path,
    rows: rows.map(({ name }) => name),
    read(body) {
      const shown = body as readonly unknown[];
      if (shown.length !== rows.length) throw new Error(`asked for ${rows.length} products and got ${shown.length}`);
      return rows.map(({ name }, index) => seenIn(name, shown[index]));
    },
  };
}

function labelOf(kind: string, shown: Json): number {
  if (kind !== 'bom')
    return Number(/^#(\d+)$/.exec(String(kind === 'product' ? shown.name : shown.location))?.[1] ?? 0);
  const [item, ...others] = shown.items as readonly Json[];
  return item?.unit === 'soak' && others.length === 0 ? Number(item.quantity) : 0;
}
