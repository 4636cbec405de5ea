/**
 * Answers a product without any cache: the service's own statement by postgres.js, with as many connections. `bun
 * select.ts <database>`
 */
import postgres from 'postgres';
import { clientSettings } from '../../../src/catalog/client.ts';
import { serve } from './serve.ts';

/** The service's default. */
const POOL = 10;

const sql = postgres(process.argv[2] ?? '', clientSettings(POOL, 'bench'));

serve(async ({ params: { orgId, id } }) => {
  const [row] = await sql`
    select id, org_id as "orgId", sku, name, price, unit, version from products where id = ${Number(id)}`;
  if (row === undefined || row.orgId !== Number(orgId)) return new Response('absent', { status: 404 });
  return Response.json(row);
});
