import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from 'bun:test';
import postgres from 'postgres';
import { supplier } from '../../examples/resource/supplier.ts';
import { outboxSql } from '../../src/adapters/postgres/index.ts';
import { mergeByTable } from '../../src/catalog/outbox.ts';
import { catalogResources } from '../../src/catalog/resources/index.ts';
import { until } from '../../src/testing/until.ts';
import { readProjectFile } from '../support/sources.ts';
import { SERVERS_TIME_LIMIT_MS } from '../support/time-limit.ts';
import { makeSurroundings, type Surroundings, startService, type TestService } from './test-service.ts';

setDefaultTimeout(SERVERS_TIME_LIMIT_MS);

const MIGRATION = readProjectFile('examples/resource/suppliers.sql');
const RESOURCES = [...catalogResources, supplier];
const PATH = '/orgs/1/suppliers/1';

/** The code blocks of CONTRIBUTING in one language, without the indentation of the list. */
function blocksOf(language: string): string[] {
  const blocks = readProjectFile('CONTRIBUTING.md').matchAll(
    new RegExp(`^   \`\`\`${language}\\n([\\s\\S]*?)^   \`\`\``, 'gm'),
  );
  return [...blocks].map(([, code = '']) => code.replace(/^ {3}/gm, ''));
}

describe('the example of CONTRIBUTING', () => {
  let surroundings: Surroundings;
  let service: TestService;

  beforeAll(async () => {
    surroundings = await makeSurroundings();
    await using stack = new AsyncDisposableStack();
    const sql = stack.adopt(postgres(surroundings.database.url, { max: 1, onnotice: () => {} }), (each) => each.end());
    await sql.unsafe(MIGRATION);
    await sql.begin((tx) => tx.unsafe(outboxSql(mergeByTable(RESOURCES.flatMap(({ feeds }) => feeds)))));
    await sql`insert into suppliers (id, org_id, name) values (1, 1, 'Acme')`;
    service = await startService(surroundings.env, RESOURCES);
  });

  afterAll(async () => {
    await service?.[Symbol.asyncDispose]();
    await surroundings?.[Symbol.asyncDispose]();
  });

  const nameNow = async (): Promise<unknown> => (await (await service.api(PATH)).json()).name;

  test('is the code of examples/resource, as it stands in the catalog', () => {
    const code = readProjectFile('examples/resource/supplier.ts')
      .replaceAll("'../../src/catalog/resources/", "'./")
      .replaceAll("'../../src/", "'../../");
    expect(blocksOf('ts')).toEqual([code]);
    expect(blocksOf('sql')).toEqual([MIGRATION]);
  });

  test('is served, and by L1 from the second read on', async () => {
    const tiers = [await service.api(PATH), await service.api(PATH)].map(({ headers }) => headers.get('x-cache-tier'));
    expect(tiers).toEqual(['source', 'l1']);
  });

  test('shows a change by its own mutation at once', async () => {
    expect((await service.send('PATCH', PATH, { name: 'Zenith' })).status).toBe(200);
    expect(await nameNow()).toBe('Zenith');
  });

  test('shows a change by another program, which the outbox tells', async () => {
    await service.context.database.sql`update suppliers set name = 'Apex' where id = 1`;
    await until(async () => (await nameNow()) === 'Apex', { what: 'the change of another program' });
  });

  test('is absent in another org', async () => {
    expect((await service.api('/orgs/2/suppliers/1')).status).toBe(404);
  });
});
