import { Type } from '@sinclair/typebox';
import { defineResource } from '../../resources/define-resource.ts';
import { keys, tags } from '../names.ts';
import { dashboardOf, LICENSE_PLATE_STATUSES } from '../queries.ts';
import { exactly, id } from './schema.ts';

const count = Type.Integer({ minimum: 0 });
const freshness = exactly({
  from: Type.Union([Type.Literal('view'), Type.Literal('tables')], {
    description: 'view: materialized, and nothing has changed since. tables: counted for this answer.',
  }),
  refreshedAt: Type.String({ format: 'date-time', description: 'When the numbers were made.' }),
  ageSeconds: Type.Number({ minimum: 0, description: 'Seconds between refreshedAt and the load of these numbers.' }),
});

/** All feeds of the dashboard share these fields. */
const feed = { all: [tags.dashboards], columns: ['version'] };

/** The dashboard of an org: counts and sums. */
export const dashboard = defineResource({
  name: 'dashboard',
  route: '/orgs/:orgId/dashboard',
  summary: 'The dashboard of an org: counts and sums',
  schema: exactly({
    orgId: id,
    products: count,
    boms: count,
    licensePlates: Type.Record(Type.Union(LICENSE_PLATE_STATUSES.map((status) => Type.Literal(status))), count, {
      description: 'The number of license plates of each status.',
    }),
    quantityOnHand: Type.Number({
      minimum: 0,
      description: 'The sum over license plates that are neither consumed nor shipped.',
    }),
    inventoryValue: Type.Number({ minimum: 0, description: "The value of that stock at the products' prices." }),
    version: Type.Integer({ minimum: 0, description: 'Greater after each change in the org.' }),
    freshness,
  }),
  key: ({ orgId }) => keys.dashboard(orgId),
  load: ({ sql, params, signal }) => dashboardOf(sql, params.orgId, signal),
  tags: ({ orgId }) => [tags.org(orgId), tags.dashboards],
  feeds: [
    { table: 'products', keys: [keys.dashboard('{org_id}')], ...feed },
    // A change of its items raises a BOM's version.
    { table: 'boms', keys: [keys.dashboard('{org_id}')], ...feed },
    { table: 'license_plates', keys: [keys.dashboard('{org_id}')], ...feed },
    // An org that does not exist has no dashboard. A change of `orgs` ends that absence.
    { table: 'orgs', keys: [keys.dashboard('{id}')], ...feed, columns: ['id'] },
  ],
  ttl: '60s',
  staleIfError: '10m',
});
