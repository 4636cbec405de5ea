import { afterAll, beforeAll, expect, setDefaultTimeout, test } from 'bun:test';
import { createToken, revokeToken } from '../../src/catalog/tokens.ts';
import { until } from '../../src/testing/until.ts';
import { percentile, printFigures, timed } from '../integration/support/measure.ts';
import { type PostgresServer, startPostgres } from '../support/postgres-server.ts';
import { makeSurroundings, type Surroundings, startService, type TestService } from './test-service.ts';

// API tokens are known to each instance: nobody waits for the database to be told what is in memory.

setDefaultTimeout(30_000);

const WRITES = 300;
/** Every instance looks a token up once a second: a pause of this length strikes each of those that are used. */
const PAUSE_MS = 3_000;

const owned = new AsyncDisposableStack();
let postgres: PostgresServer;
let surroundings: Surroundings;
let service: TestService;

beforeAll(async () => {
  postgres = owned.use(await startPostgres());
  surroundings = owned.use(await makeSurroundings(postgres.url));
  service = owned.use(await startService({ ...surroundings.env, AUTH: 'token' }));
}, 60_000);

afterAll(() => owned.disposeAsync());

async function tokenOf(orgId: number, role: 'reader' | 'writer' = 'reader') {
  const { token, record } = await createToken(service.context.database.sql, { orgId, role });
  return { id: record.id, headers: { authorization: `Bearer ${token}` } };
}

const read = (headers: Readonly<Record<string, string>>, path: string) => service.api(path, { headers });

test('a revocation that the outbox has told is in effect at the next request, however fresh what was known', async () => {
  const { id, headers } = await tokenOf(1);
  const heard = Promise.withResolvers<void>();
  const detach = service.context.cache.attach({
    observer: (event) => {
      if (event.type === 'invalidated' && event.targets.tags.includes(`token:${id}`)) heard.resolve();
    },
  });
  // What was said of its creation comes first.
  await heard.promise;
  detach();
  const revoked = Promise.withResolvers<void>();
  service.context.cache.attach({
    observer: (event) => {
      if (event.type === 'invalidated' && event.targets.tags.includes(`token:${id}`)) revoked.resolve();
    },
  });
  expect((await read(headers, '/orgs/1/products/1')).status).toBe(200);
  await revokeToken(service.context.database.sql, id);
  await revoked.promise;
  expect((await read(headers, '/orgs/1/products/1')).status).toBe(401);
});

test('hits of L1 do not wait for a database that is stopped, and no reader is turned away', async () => {
  const readers = await Promise.all([1, 2, 3, 4].map((orgId) => tokenOf(orgId)));
  const ask = (index: number) => read(readers[index]?.headers ?? {}, `/orgs/${index + 1}/products/${index * 100 + 1}`);
  for (const index of readers.keys())
    await until(async () => (await ask(index)).headers.get('x-cache-tier') === 'l1', { what: 'a hit of L1' });

  postgres.pause();
  const times: number[] = [];
  const others: (string | number | null)[] = [];
  try {
    const end = performance.now() + PAUSE_MS;
    for (let turn = 0; performance.now() < end; turn += 1) {
      const { value, ms } = await timed(() => ask(turn % readers.length));
      await value.arrayBuffer();
      times.push(ms);
      if (value.headers.get('x-cache-tier') !== 'l1') others.push(value.status);
      await Bun.sleep(5);
    }
  } finally {
    postgres.resume();
  }
  printFigures('hits of L1 while PostgreSQL is stopped, with API tokens', times);
  expect(others).toEqual([]);
  // One that waited for the database would wait for the rest of the pause.
  expect(percentile(times, 99)).toBeLessThan(PAUSE_MS / 10);
});

test(`${WRITES} changes of one org at once do not hold up another org's reads, nor the look-up of a token`, async () => {
  const writer = await tokenOf(1, 'writer');
  const [reader, newcomer] = [await tokenOf(2), await tokenOf(2)];
  await read(reader.headers, '/orgs/2/products/101');
  let unanswered = WRITES;
  const writes = Array.from({ length: WRITES }, async (_, index) => {
    const path = `/orgs/1/products/${1 + (index % 100)}`;
    const { status } = await service.send('PATCH', path, { name: `Change ${index}` }, writer.headers);
    unanswered -= 1;
    return status;
  });
  await until(() => unanswered < WRITES, { what: 'the first change' });
  expect((await read(newcomer.headers, '/orgs/2/products/102')).status).toBe(200);
  // Without places of their own the look-up and the load would come after all the changes that were there before.
  expect(unanswered).toBeGreaterThan(WRITES / 4);
  const times: number[] = [];
  while (unanswered > 0) {
    const { value, ms } = await timed(() => read(reader.headers, '/orgs/2/products/101'));
    expect(value.headers.get('x-cache-tier')).toBe('l1');
    times.push(ms);
  }
  if (times.length > 0) printFigures(`hits of L1 beside ${WRITES} changes of another org`, times);
  expect(new Set(await Promise.all(writes))).toEqual(new Set([200]));
});

test('an address that had ten tokens refused is told to wait, and what is known passes', async () => {
  const { headers } = await tokenOf(1);
  const from = { 'x-test-address': '192.0.2.1' };
  await read(headers, '/orgs/1/products/1');
  const guess = async (path: string) => {
    const token = `tct_${'A'.repeat(42)}${Math.floor(Math.random() * 10)}`;
    const { status, headers: told } = await read({ ...from, authorization: `Bearer ${token}` }, path);
    return { status, retryAfter: told.get('retry-after') };
  };
  const answers: { status: number; retryAfter: string | null }[] = [];
  for (let ask = 0; ask < 14; ask += 1)
    answers.push(await guess(ask % 2 === 0 ? '/orgs/1/products/1' : '/orgs/1/dashboard'));
  expect(answers.slice(0, 10).map(({ status }) => status)).toEqual(Array(10).fill(401));
  // On a slow machine one more may have become due.
  const slowed = answers.filter(({ status }) => status === 429);
  expect(slowed.length).toBeGreaterThan(0);
  for (const { retryAfter } of slowed) expect(Number(retryAfter)).toBeGreaterThan(0);

  expect((await read({ ...from, ...headers }, '/orgs/1/products/1')).status).toBe(200);
  expect((await read({ ...from }, '/orgs/1/products/1')).status).toBe(401);
  for (const probe of ['/livez', '/readyz'])
    expect((await fetch(service.url + probe, { headers: from })).status).toBe(200);
  const logged = (event: string) => service.log.filter((line) => line.event === event);
  expect(logged('auth_refused')).toContainEqual(expect.objectContaining({ level: 'warn', reason: 'unknown' }));
  expect(logged('rate_limited')).toContainEqual(expect.objectContaining({ level: 'warn', what: 'authentication' }));
  expect(JSON.stringify(service.log)).not.toContain('tct_');
});
