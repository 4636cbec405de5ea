import { afterAll, beforeAll, expect, setDefaultTimeout, test } from 'bun:test';
import { Type } from '@sinclair/typebox';
import { defineResource } from '../../src/resources/define-resource.ts';
import { SERVERS_TIME_LIMIT_MS } from '../support/time-limit.ts';
import { makeSurroundings, provenance, type Surroundings, startService, type TestService } from './test-service.ts';

setDefaultTimeout(SERVERS_TIME_LIMIT_MS);

// A resource from scratch: the migration, and this one declaration.
const MIGRATION = `create table suppliers (id bigint primary key, org_id bigint not null references orgs (id),
    name text not null unique check (length(name) <= 20));
  insert into suppliers values (1, 1, 'Acme'), (2, 1, 'Taken')`;

const name = Type.String({ minLength: 1 });
interface Supplier {
  id: number;
  orgId: number;
  name: string;
}

const supplier = defineResource({
  name: 'supplier',
  route: '/orgs/:orgId/suppliers/:id',
  summary: 'One supplier',
  schema: Type.Object({ id: Type.Integer(), orgId: Type.Integer(), name }),
  key: ({ orgId, id }) => `supplier:${orgId}:${id}`,
  async load({ sql, params }) {
    const [row] = await sql<Supplier[]>`select id, org_id as "orgId", name from suppliers where id = ${params.id}`;
    return row ?? null;
  },
  tags: ({ orgId }) => [`org:${orgId}`, 'suppliers'],
  ttl: '2h',
}).mutation({
  method: 'PATCH',
  summary: 'Rename a supplier',
  body: Type.Object({ name }, { additionalProperties: false }),
  async run({ sql, params, body }) {
    const [row] = await sql<Supplier[]>`update suppliers set name = ${body.name}
      where id = ${params.id} and org_id = ${params.orgId} returning id, org_id as "orgId", name`;
    return row ?? null;
  },
  invalidates: ({ orgId, id }) => ({ keys: [`supplier:${orgId}:${id}`] }),
});

let surroundings: Surroundings;
let service: TestService;

beforeAll(async () => {
  surroundings = await makeSurroundings();
  service = await startService({ ...surroundings.env, CACHE_TTL_SUPPLIER: '10m' }, [supplier]);
  await service.context.database.sql.unsafe(MIGRATION);
});

afterAll(async () => {
  await service[Symbol.asyncDispose]();
  await surroundings[Symbol.asyncDispose]();
});

const path = '/orgs/1/suppliers/1';

test('a declared resource is served and cached, with the TTL that the configuration says', async () => {
  const answers = [await service.api(path), await service.api(path)];
  expect(answers.map((answer) => provenance(answer).tier)).toEqual(['source', 'l1']);
  expect(await answers[1]?.json()).toEqual({ id: 1, orgId: 1, name: 'Acme' });
  const ttl = Number(/ttl=(\d+)/.exec(answers[1]?.headers.get('cache-status') ?? '')?.[1]);
  expect(ttl).toBeGreaterThan(500);
  expect(ttl).toBeLessThanOrEqual(600);
});

test('its mutation is validated, committed and invalidates', async () => {
  await service.api(path);
  expect((await service.send('PATCH', path, { colour: 'red' })).status).toBe(400);
  expect(await (await service.send('PATCH', path, { name: 'Zenith' })).json()).toEqual({
    id: 1,
    orgId: 1,
    name: 'Zenith',
  });
  const read = await service.api(path);
  expect([read.headers.get('x-cache-tier'), (await read.json()).name]).toEqual(['source', 'Zenith']);
});

test('a mutation that breaks a constraint is refused in words that tell nothing of the schema', async () => {
  const answers = [
    await service.send('PATCH', path, { name: 'Taken' }),
    await service.send('PATCH', path, { name: 'a name of more than twenty characters' }),
  ];
  const problems = await Promise.all(answers.map(async (answer) => [answer.status, (await answer.json()).detail]));
  expect(problems).toEqual([
    [409, 'A row with this unique value already exists'],
    [400, 'A value is out of range or violates a constraint'],
  ]);
});

test("its row is absent in another org's path, and kept as absent, though the query would have found it", async () => {
  const answers = [await service.api('/orgs/2/suppliers/1'), await service.api('/orgs/2/suppliers/1')];
  expect(answers.map((answer) => [answer.status, answer.headers.get('x-cache-tier')])).toEqual([
    [404, 'source'],
    [404, 'l1'],
  ]);
  expect((await service.send('PATCH', '/orgs/2/suppliers/1', { name: 'x' })).status).toBe(404);
});

test('it is documented', async () => {
  const document = await (await fetch(`${service.url}/openapi/json`)).json();
  const operations = document.paths['/api/v1/orgs/{orgId}/suppliers/{id}'];
  expect(Object.keys(operations)).toEqual(['get', 'patch']);
  expect(operations.get.summary).toBe('One supplier');
  expect(operations.patch.requestBody.content['application/json'].schema.required).toEqual(['name']);
});

test('a key that leaves a parameter of the path out is refused', () => {
  const define = (key: (params: { readonly orgId: number; readonly id: number }) => string) => () =>
    defineResource({
      name: 'leak',
      route: '/orgs/:orgId/leaks/:id',
      summary: '',
      schema: Type.Object({}),
      key,
      load: async () => ({}),
      tags: () => [],
      ttl: 1,
    });
  const withoutOrg = define(({ id }) => `leak:${id}`);
  const withoutId = define(({ orgId }) => `leak:${orgId}`);
  expect(withoutOrg).toThrow('Resource leak: its key leaves the org out; write it into the key, and into the query');
  expect(withoutId).toThrow('Resource leak: its key leaves :id out; write it into the key, and into the query');
});
