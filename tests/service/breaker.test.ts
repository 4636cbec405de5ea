import { afterAll, afterEach, beforeAll, expect, setDefaultTimeout, test } from 'bun:test';
import { SERVERS_TIME_LIMIT_MS } from '../support/time-limit.ts';
import { expectProblem } from './expect-problem.ts';
import { makeSurroundings, type Surroundings, startService, type TestService } from './test-service.ts';

setDefaultTimeout(SERVERS_TIME_LIMIT_MS);

const ADMIN = 'admin-token-of-the-tests-0123456789';
const headers = { authorization: `Bearer ${ADMIN}` };

let surroundings: Surroundings;
let service: TestService;

beforeAll(async () => {
  surroundings = await makeSurroundings();
  service = await startService({ ...surroundings.env, ADMIN_TOKEN: ADMIN });
});

afterEach(async () => {
  for (const tier of ['l2', 'source']) await force({ tier, state: 'auto' });
});

afterAll(async () => {
  await service[Symbol.asyncDispose]();
  await surroundings[Symbol.asyncDispose]();
});

const force = (body: unknown) => service.send('POST', '/cache/breaker', body, headers);
const product = (id: number) => service.api(`/orgs/1/products/${id}`);

async function breakersInHealth() {
  const answer = await service.api('/cache/health', { headers });
  const { tiers } = (await answer.json()) as { tiers: Record<'l2' | 'source', { breaker: string }> };
  return { l2: tiers.l2.breaker, source: tiers.source.breaker };
}

test('while the breaker of the source is held open, what is cached is answered and the rest is 503, at once', async () => {
  expect((await product(1)).status).toBe(200);
  const forced = await force({ tier: 'source', state: 'open' });
  expect(await forced.json()).toEqual({ l2: 'closed', source: 'forced-open' });
  expect(await breakersInHealth()).toEqual({ l2: 'closed', source: 'forced-open' });
  expect((await product(1)).status).toBe(200);
  const refused = await product(2);
  expect(refused.headers.get('retry-after')).toBe('1');
  await expectProblem(refused, 503);
  expect(service.log).toContainEqual(
    expect.objectContaining({ event: 'load_shed', group: 'product', reason: 'BREAKER_OPEN' }),
  );
  await force({ tier: 'source', state: 'auto' });
  expect((await product(2)).status).toBe(200);
});

test('while the breaker of Redis is held open, answers come from the source and say so', async () => {
  await force({ tier: 'l2', state: 'open' });
  const answer = await product(3);
  expect(answer.status).toBe(200);
  expect(answer.headers.get('cache-status')).toStartWith('tiercel-l2; fwd=bypass; detail=breaker-open, ');
  await force({ tier: 'l2', state: 'closed' });
  expect(await breakersInHealth()).toEqual({ l2: 'forced-closed', source: 'closed' });
});

test('each is one line of the log', async () => {
  await force({ tier: 'l2', state: 'open' });
  expect(service.log.filter(({ event }) => event === 'admin_action').at(-1)).toMatchObject({
    action: 'breaker',
    tier: 'l2',
    state: 'open',
  });
});

test.each([
  [{}],
  [{ tier: 'l1', state: 'open' }],
  [{ tier: 'l2', state: 'forced' }],
  [{ tier: 'l2' }],
  [{ tier: 'l2', state: 'open', forSeconds: 3 }],
])('%j is 400', async (body) => {
  await expectProblem(await force(body), 400);
});

test('a service without Redis has no breaker of Redis', async () => {
  const { REDIS_URL: _, ...env } = surroundings.env;
  await using alone = await startService({ ...env, ADMIN_TOKEN: ADMIN });
  await expectProblem(await alone.send('POST', '/cache/breaker', { tier: 'l2', state: 'open' }, headers), 400);
  const answer = await alone.send('POST', '/cache/breaker', { tier: 'source', state: 'auto' }, headers);
  expect(await answer.json()).toEqual({ l2: null, source: 'closed' });
});
