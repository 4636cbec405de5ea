import { Type } from '@sinclair/typebox';
import { defineResource } from '../../resources/define-resource.ts';
import { everyKey, keys, tags } from '../names.ts';
import { bomById, mostAccessed, replaceBomItems } from '../queries.ts';
import { exactly, id, name, quantity, unit, version } from './schema.ts';
import { WARMED_PER_ORG } from './warmed-per-org.ts';

const item = exactly({ productId: id, quantity: { ...quantity, minimum: 0.001 }, unit });

/** A bill of materials, with the PUT that replaces its items. */
export const bom = defineResource({
  name: 'bom',
  route: '/orgs/:orgId/boms/:id',
  summary: 'A bill of materials with its items',
  schema: exactly({ id, orgId: id, productId: id, name, version, items: Type.Array(item) }),
  key: ({ orgId, id }) => keys.bom(orgId, id),
  load: ({ sql, params, signal }) => bomById(sql, params.orgId, params.id, signal),
  tags: ({ orgId }) => [tags.org(orgId), 'boms'],
  // A change of its items raises its version.
  feeds: [{ table: 'boms', keys: everyKey.bom('{org_id}', '{id}'), all: ['boms'], columns: ['version'] }],
  popularity: { table: 'boms', column: 'access_count', row: ({ id }) => id },
  warm: ({ sql, ...extent }) => mostAccessed(sql, 'boms', WARMED_PER_ORG, extent),
  ttl: '30m',
  staleWhileRevalidate: '5m',
  staleIfError: '24h',
}).mutation({
  method: 'PUT',
  suffix: '/items',
  summary: 'Replace all items of a bill of materials',
  body: Type.Array(item, { minItems: 1, maxItems: 500 }),
  run: ({ sql, params, body }) => replaceBomItems(sql, params.orgId, params.id, body),
  invalidates: ({ orgId, id }) => ({ keys: [...everyKey.bom(orgId, id), keys.dashboard(orgId)] }),
});
