import { defineResource } from '../../resources/define-resource.ts';
import { everyKey, keys, tags } from '../names.ts';
import { deleteProduct, mostAccessed, productById, updateProduct } from '../queries.ts';
import { exactly, id, name, price, someOf, text, unit, version } from './schema.ts';
import { WARMED_PER_ORG } from './warmed-per-org.ts';

export const productSchema = exactly({ id, orgId: id, sku: text(64), name, price, unit, version });

/** One product, with its PATCH and DELETE. */
export const product = defineResource({
  name: 'product',
  route: '/orgs/:orgId/products/:id',
  summary: 'One product',
  schema: productSchema,
  key: ({ orgId, id }) => keys.product(orgId, id),
  load: ({ sql, params, signal }) => productById(sql, params.orgId, params.id, signal),
  tags: ({ orgId }) => [tags.org(orgId), 'products'],
  feeds: [{ table: 'products', keys: everyKey.product('{org_id}', '{id}'), all: ['products'], columns: ['version'] }],
  popularity: { table: 'products', column: 'access_count', row: ({ id }) => id },
  warm: ({ sql, ...extent }) => mostAccessed(sql, 'products', WARMED_PER_ORG, extent),
  ttl: '1h',
  staleWhileRevalidate: '5m',
  staleIfError: '24h',
})
  .mutation({
    method: 'PATCH',
    summary: 'Change a product',
    body: someOf({ name, price, unit }),
    run: ({ sql, params, body }) => updateProduct(sql, params.orgId, params.id, body),
    invalidates: ({ orgId, id }) => ({
      keys: [...everyKey.product(orgId, id), keys.dashboard(orgId)],
      tags: [tags.productList(orgId)],
    }),
  })
  .mutation({
    method: 'DELETE',
    summary: 'Delete a product and the rows that depend on it',
    run: ({ sql, params }) => deleteProduct(sql, params.orgId, params.id),
    invalidates: ({ orgId, id }, { bomIds, licensePlateIds }) => ({
      keys: [
        ...everyKey.product(orgId, id),
        keys.dashboard(orgId),
        ...bomIds.flatMap((bomId) => everyKey.bom(orgId, bomId)),
        ...licensePlateIds.flatMap((plateId) => everyKey.licensePlate(orgId, plateId)),
      ],
      tags: [tags.productList(orgId)],
    }),
  });
