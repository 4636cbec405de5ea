import { Type } from '@sinclair/typebox';
import { defineResource } from '../../resources/define-resource.ts';
import { everyKey, keys, tags } from '../names.ts';
import { LICENSE_PLATE_STATUSES, licensePlateById, updateLicensePlate } from '../queries.ts';
import { exactly, id, quantity, someOf, text, version } from './schema.ts';

const status = Type.Union(LICENSE_PLATE_STATUSES.map((name) => Type.Literal(name)));
const location = text(200, 0);

/** Some stock of one product in one place, with its PATCH. */
export const licensePlate = defineResource({
  name: 'license-plate',
  route: '/orgs/:orgId/license-plates/:id',
  summary: 'A license plate: some stock in one place',
  schema: exactly({ id, orgId: id, productId: id, quantity, status, location, version }),
  key: ({ orgId, id }) => keys.licensePlate(orgId, id),
  load: ({ sql, params, signal }) => licensePlateById(sql, params.orgId, params.id, signal),
  tags: ({ orgId }) => [tags.org(orgId), 'lps'],
  feeds: [
    { table: 'license_plates', keys: everyKey.licensePlate('{org_id}', '{id}'), all: ['lps'], columns: ['version'] },
  ],
  ttl: '5m',
  staleIfError: '24h',
}).mutation({
  method: 'PATCH',
  summary: 'Change a license plate',
  body: someOf({ status, quantity, location }),
  run: ({ sql, params, body }) => updateLicensePlate(sql, params.orgId, params.id, body),
  invalidates: ({ orgId, id }) => ({ keys: [...everyKey.licensePlate(orgId, id), keys.dashboard(orgId)] }),
});
