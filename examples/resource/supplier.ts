import { cancellable } from '../../src/adapters/postgres/index.ts';
import { exactly, id, name, someOf, version } from '../../src/catalog/resources/schema.ts';
import { defineResource } from '../../src/resources/define-resource.ts';

interface Supplier {
  readonly id: number;
  readonly orgId: number;
  readonly name: string;
  readonly version: number;
}

/** One supplier of an org, with its PATCH. */
export const supplier = defineResource({
  name: 'supplier',
  route: '/orgs/:orgId/suppliers/:id',
  summary: 'One supplier',
  schema: exactly({ id, orgId: id, name, version }),
  key: ({ orgId, id }) => `supplier:${orgId}:${id}`,
  async load({ sql, params, signal }) {
    const [row] = await cancellable(
      sql<Supplier[]>`
        select id, org_id as "orgId", name, version from suppliers
        where id = ${params.id} and org_id = ${params.orgId}`,
      signal,
    );
    return row ?? null;
  },
  tags: ({ orgId }) => [`org:${orgId}`, 'suppliers'],
  feeds: [{ table: 'suppliers', keys: ['supplier:{org_id}:{id}'], all: ['suppliers'], columns: ['version'] }],
  ttl: '1h',
  staleIfError: '24h',
}).mutation({
  method: 'PATCH',
  summary: 'Rename a supplier',
  body: someOf({ name }),
  async run({ sql, params, body }) {
    const [row] = await sql<Supplier[]>`
      update suppliers set name = coalesce(${body.name ?? null}, name)
      where id = ${params.id} and org_id = ${params.orgId}
      returning id, org_id as "orgId", name, version`;
    return row ?? null;
  },
  invalidates: ({ orgId, id }) => ({ keys: [`supplier:${orgId}:${id}`] }),
});
