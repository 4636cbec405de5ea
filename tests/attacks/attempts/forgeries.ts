/** A record of L2 as an attacker rewrites it: the header of fixed width, and the body behind it. */
export interface Forgery {
  readonly name: string;
  /** The resource whose record is rewritten. */
  readonly of: 'product' | 'products' | 'bom' | 'dashboard';
  forge(record: StoredText): StoredText;
}

/** A record as two texts. */
export interface StoredText {
  readonly header: string;
  readonly body: string;
}

/** Where the value stands in the body's array. */
const VALUE_AT = 8;
const ID_AT = 1;
const TAGS_AT = 7;

type Json = Record<string, unknown>;

const element = (at: number, name: string, of: Forgery['of'], change: (before: unknown) => unknown): Forgery => ({
  name,
  of,
  forge({ header, body }) {
    const parts: unknown[] = JSON.parse(body);
    parts[at] = change(parts[at]);
    return { header, body: JSON.stringify(parts) };
  },
});

const value = (name: string, of: Forgery['of'], change: (before: Json) => unknown): Forgery =>
  element(VALUE_AT, name, of, (before) => change(before as Json));

const bytes = (name: string, forge: Forgery['forge']): Forgery => ({ name, of: 'product', forge });

/** None of them may be answered with: each costs one load, and its record is replaced. */
export const forgeries: readonly Forgery[] = [
  value('a list that is an object', 'products', () => ({})),
  value('a list that is a text', 'products', () => 'products'),
  value('a list with null in it', 'products', () => [null]),
  value('a list of products without a price', 'products', (list) =>
    Object.values(list).map((one) => ({ ...(one as Json), price: undefined })),
  ),
  value('a product that is a list', 'product', () => []),
  value('a product that is a number', 'product', () => 1),
  value('a product that is false', 'product', () => false),
  value('a product without properties', 'product', () => ({})),
  value('a product without its org', 'product', ({ orgId, ...rest }) => rest),
  value('a product of another org', 'product', (product) => ({ ...product, orgId: 2 })),
  value('a product with one property more', 'product', (product) => ({ ...product, admin: true })),
  value('a price that is a text', 'product', (product) => ({ ...product, price: '1' })),
  value('a name that is an object', 'product', (product) => ({ ...product, name: { toJSON: 'x' } })),
  value('an id that is a text', 'product', (product) => ({ ...product, id: '1' })),
  value('a bill of materials without items', 'bom', ({ items, ...rest }) => rest),
  value('items that are an object', 'bom', (bom) => ({ ...bom, items: {} })),
  value('an item that is null', 'bom', (bom) => ({ ...bom, items: [null] })),
  value('a dashboard whose statuses are a list', 'dashboard', (dashboard) => ({ ...dashboard, licensePlates: [] })),
  value('nesting of 5,000 levels', 'product', () => JSON.parse('['.repeat(5_000) + ']'.repeat(5_000))),
  element(ID_AT, 'the record of another product', 'product', () => 'product:1:2'),
  element(ID_AT, 'the record of another namespace', 'product', () => '\u0001other\u0001product:1:1'),
  element(0, 'a record of another format', 'product', () => 99),
  element(2, 'a record of another release', 'product', () => '999'),
  element(TAGS_AT, 'tags of generations that are none', 'product', () => ['', 'forged', '']),
  element(TAGS_AT, 'no tags at all', 'product', () => []),
  element(TAGS_AT, 'tags that are numbers', 'product', () => [1, 2, 3]),
  bytes('a body that ends early', ({ header, body }) => ({ header, body: body.slice(0, -10) })),
  bytes('a body that is no JSON', ({ header }) => ({ header, body: '<x/>' })),
  bytes('a body that is empty', ({ header }) => ({ header, body: '' })),
  bytes('a body of zeros', ({ header }) => ({ header, body: '\u0000'.repeat(1_000) })),
  bytes('a header of another letter', ({ header, body }) => ({ header: `X${header.slice(1)}`, body })),
  bytes('a header that ends early', ({ header }) => ({ header: header.slice(0, 30), body: '' })),
  bytes('a header without a time', ({ header, body }) => ({
    header: `${header.slice(0, 39)}${'-'.repeat(15)}${header.slice(54)}`,
    body,
  })),
  bytes('a time far in the future', ({ header, body }) => ({
    header: `${header.slice(0, 39)}${'9'.repeat(15)}${header.slice(54)}`,
    body,
  })),
];
