import { Type } from '@sinclair/typebox';
import { defineResource } from '../../resources/define-resource.ts';
import { everyKey, keys, tags } from '../names.ts';
import { insertProduct, listProducts, orgExists, orgIds, type Product } from '../queries.ts';
import { productSchema } from './product.ts';
import { exactly, name, price, text, unit } from './schema.ts';

/** The size of a page, unless the client asks for another one. */
const PAGE = 100;

/** Page sizes that are cached. A thousand of them would let a client store every page a thousand times. */
const PAGE_SIZES = [10, 25, 50, 100, 250, 500, 1_000] as const;

/** The size of the smallest page that is cached and answers so many products. It holds one row more, if there is one. */
const pageSize = (limit: number): number => PAGE_SIZES.find((size) => size >= limit) ?? limit;

/** Of each cached page the part that was asked for last. Most clients ask for one size, and an object is encoded once. */
const lastCuts = new WeakMap<readonly Product[], { readonly limit: number; readonly part: Product[] }>();

/** An org's products, page by page, with the POST that adds one. */
export const products = defineResource({
  name: 'products',
  route: '/orgs/:orgId/products',
  query: {
    limit: { minimum: 1, maximum: 1_000, default: PAGE, description: 'Most products on the page.' },
    after: {
      minimum: 0,
      maximum: Number.MAX_SAFE_INTEGER,
      default: 0,
      description: 'The last id of the page before; 0 for the first page.',
    },
  },
  summary: "An org's products in the order of their ids",
  schema: Type.Array(productSchema),
  key: ({ orgId, limit, after }) => keys.products(orgId, pageSize(limit), after),
  async load({ sql, params: { orgId, limit, after }, signal }) {
    const page = await listProducts(sql, orgId, pageSize(limit) + 1, after, signal);
    return page.length > 0 || (await orgExists(sql, orgId, signal)) ? page : null;
  },
  cut({ limit }, page) {
    if (page.length <= limit) return page;
    const last = lastCuts.get(page);
    if (last?.limit === limit) return last.part;
    const part = page.slice(0, limit);
    lastCuts.set(page, { limit, part });
    return part;
  },
  nextPage({ limit }, page) {
    const last = page[limit - 1];
    return last !== undefined && page.length > limit ? { limit, after: last.id } : undefined;
  },
  fits({ limit, after }, page) {
    if (page.length > pageSize(limit) + 1) return false;
    return page.every(({ id }, index) => id > (page[index - 1]?.id ?? after));
  },
  // The last tag stands for all lists, since a TRUNCATE names no org.
  tags: ({ orgId }) => [tags.org(orgId), tags.productList(orgId), 'products'],
  feeds: [
    { table: 'products', tags: [tags.productList('{org_id}')], all: ['products'], columns: ['version'] },
    // An org that does not exist has no list. A change of `orgs` ends that absence.
    { table: 'orgs', tags: [tags.productList('{id}')], all: ['products'], columns: ['id'] },
  ],
  // Warms the first page of every org, in the default size.
  async warm({ sql, limit, signal }) {
    return (await orgIds(sql, { limit, signal })).map((orgId) => ({ orgId, limit: PAGE, after: 0 }));
  },
  ttl: '1h',
  staleWhileRevalidate: '5m',
  staleIfError: '24h',
}).mutation({
  method: 'POST',
  summary: 'Add a product',
  body: exactly({ sku: text(64), name, price, unit: Type.Optional(unit) }),
  answer: productSchema,
  run: ({ sql, params, body }) => insertProduct(sql, params.orgId, body),
  // The row's own key is included: a reader may have asked for the id before the row existed, and absence is cached.
  invalidates: ({ orgId }, { id }) => ({
    keys: [...everyKey.product(orgId, id), keys.dashboard(orgId)],
    tags: [tags.productList(orgId)],
  }),
  location: ({ orgId }, { id }) => `/orgs/${orgId}/products/${id}`,
});
