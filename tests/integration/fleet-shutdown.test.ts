import { afterAll, beforeAll, expect, setDefaultTimeout, test } from 'bun:test';
import { until } from '../../src/testing/until.ts';
import { type ServiceProcess, startService } from '../support/service-process.ts';
import { type CatalogEnvironment, makeCatalogEnvironment } from './support/catalog-environment.ts';
import { productPath, readProduct, renameProduct } from './support/catalog-requests.ts';
import { type AnswerHolder, startAnswerHolder } from './support/held-answers.ts';
import { expectCleanEnd, startInstance } from './support/instances.ts';
import { IncompleteAnswerError, rawRequest } from './support/raw-http.ts';

setDefaultTimeout(30_000);

const LOADS = 40;
const CLIENTS = 8;

const owned = new AsyncDisposableStack();
let catalog: CatalogEnvironment;
let holder: AnswerHolder;
let leaving: ServiceProcess;
let staying: ServiceProcess;

beforeAll(async () => {
  catalog = owned.use(await makeCatalogEnvironment());
  holder = owned.use(await startAnswerHolder(catalog.env.DATABASE_URL));
  [leaving, staying] = await Promise.all([
    startService({ ...catalog.env, DATABASE_URL: holder.proxy.through(catalog.env.DATABASE_URL) }),
    startInstance(owned, catalog.env),
  ]);
  owned.use(leaving);
}, 60_000);

afterAll(() => owned.disposeAsync());

/**
 * Asks for what L1 has, each time over a connection of its own, until the service takes no more.
 *
 * @returns how many were answered.
 * @throws when an answer that had begun was cut. A connection that the kernel had taken and the service had not is reset
 *   when the port is closed: to its client that is as good as a refusal.
 */
async function keepAsking(): Promise<number> {
  for (let answered = 0; ; answered++) {
    try {
      const { status, body } = await rawRequest(leaving.url, { path: productPath(1) });
      expect([status, JSON.parse(body)]).toEqual([200, expect.objectContaining({ id: 1 })]);
    } catch (error) {
      if (error instanceof IncompleteAnswerError && error.received === 0) return answered;
      throw error;
    }
  }
}

test('SIGTERM under load: what has been accepted is answered whole, what is written is told, the exit code is 0', async () => {
  await readProduct(leaving, 1);
  for (const id of [901, 902]) await readProduct(staying, id);
  const clients = Array.from({ length: CLIENTS }, keepAsking);
  const held = holder.hold();
  const loads = Array.from({ length: LOADS }, (_, index) => leaving.fetch(productPath(101 + index)));
  const changes = [901, 902].map((id) => renameProduct(leaving, id, 'Changed at the end'));
  let ended: ReturnType<typeof expectCleanEnd>;
  try {
    await until(() => holder.proxy.connections.some(({ toClient }) => toClient.waiting > 0), {
      what: 'the loads to wait',
    });
    // Answered in the order of arrival: whoever answers this has taken what was sent before.
    for (let round = 0; round < 2; round++) await leaving.fetch('/livez');
    ended = expectCleanEnd(leaving);
    await leaving.logged('shutdown');
    expect(Math.min(...(await Promise.all(clients)))).toBeGreaterThan(0);
  } finally {
    held.release();
  }
  const answers = await Promise.all(loads);
  expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([200]));
  const ids = await Promise.all(answers.map(async (answer) => (await answer.json()).id));
  expect(ids).toEqual(Array.from({ length: LOADS }, (_, index) => 101 + index));
  for (const change of changes) {
    const answer = await change;
    expect([answer.status, answer.headers.get('cache-status')]).toEqual([200, null]);
  }
  await ended;
  expect(leaving.logs.at(-1)?.event).toBe('shutdown');
  for (const id of [901, 902]) {
    await until(async () => (await readProduct(staying, id)).name === 'Changed at the end', {
      what: 'the change on the instance that stays',
      within: 500,
    });
  }
});
