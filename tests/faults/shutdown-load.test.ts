import { afterAll, beforeAll, expect, setDefaultTimeout, test } from 'bun:test';
import { until } from '../../src/testing/until.ts';
import { type CatalogEnvironment, makeCatalogEnvironment } from '../integration/support/catalog-environment.ts';
import { productPath, readProduct } from '../integration/support/catalog-requests.ts';
import { type AnswerHolder, startAnswerHolder } from '../integration/support/held-answers.ts';
import { expectCleanEnd, startInstance } from '../integration/support/instances.ts';
import { timed } from '../integration/support/measure.ts';
import { KeepAliveClient } from '../soak/keep-alive-client.ts';
import { type OtlpCollector, startOtlpCollector } from '../support/otlp-collector.ts';
import { type ServiceProcess, startService } from '../support/service-process.ts';

setDefaultTimeout(30_000);

const CLIENTS = 100;
/** What they read. Nobody else does, and all of it is in L1 when the end comes. */
const PRODUCTS = 50;
const PAUSE_MS = 100;
/** Refreshed behind the last answer that it was in. */
const REFRESHED = 901;
/** The source answers that refresh so long after the last client has gone: nothing but the refresh is waited for then. */
const LATE_MS = 300;
const TTL_MS = 2_000;
/** The service's own deadline. */
const ENDED_WITHIN_MS = 10_000;

const owned = new AsyncDisposableStack();
let catalog: CatalogEnvironment;
let holder: AnswerHolder;
let collector: OtlpCollector;
let leaving: ServiceProcess;
let staying: ServiceProcess;

beforeAll(async () => {
  catalog = owned.use(await makeCatalogEnvironment());
  holder = owned.use(await startAnswerHolder(catalog.env.DATABASE_URL));
  collector = startOtlpCollector();
  owned.defer(() => collector.stop());
  [leaving, staying] = await Promise.all([
    startService({
      ...catalog.env,
      DATABASE_URL: holder.proxy.through(catalog.env.DATABASE_URL),
      CACHE_TTL_PRODUCT: `${TTL_MS}ms`,
      // A fill that a busy machine answers late would be missing, and the question here is what a shutdown loses.
      REDIS_TIMEOUT_MS: '1000',
      OTEL_EXPORTER_OTLP_ENDPOINT: collector.url,
      OTEL_EXPORTER_OTLP_PROTOCOL: 'http/json',
      // Nothing is dropped for want of room, and nothing sent before the end forces it.
      OTEL_BSP_MAX_QUEUE_SIZE: '100000',
      OTEL_BSP_SCHEDULE_DELAY: '60000',
    }),
    startInstance(owned, catalog.env),
  ]);
  owned.use(leaving);
}, 60_000);

afterAll(() => owned.disposeAsync());

/** Traces of the requests that were answered whole. */
const answered = new Set<string>();
let requests = 0;

/** Asks over one connection until that is closed. @throws Error when an answer that had begun was cut. */
async function keepAsking(): Promise<void> {
  const client = new KeepAliveClient(leaving.url);
  for (;;) {
    requests += 1;
    const trace = requests.toString(16).padStart(32, '0');
    const id = 1 + (requests % PRODUCTS);
    try {
      const { status, body } = await client.get(productPath(id), { traceparent: `00-${trace}-${'b'.repeat(16)}-01` });
      expect([status, (JSON.parse(body) as { id: number }).id]).toEqual([200, id]);
      answered.add(trace);
    } catch (error) {
      if (client.hasBegun) throw error;
      return;
    }
    await Bun.sleep(2 * PAUSE_MS * Math.random());
  }
}

test(`SIGTERM with ${CLIENTS} clients at work: no answer is cut, nothing that was begun is lost, telemetry says so`, async () => {
  await readProduct(leaving, REFRESHED);
  const clients = Array.from({ length: CLIENTS }, keepAsking);
  const readAt = performance.now();
  await until(() => performance.now() - readAt > TTL_MS, { what: 'a value to be stale' });

  const held = holder.hold();
  const stale = await leaving.fetch(productPath(REFRESHED));
  expect(stale.headers.get('cache-status')).toMatch(/hit; ttl=-\d/);
  await until(() => holder.proxy.connections.some(({ toClient }) => toClient.waiting > 0), {
    what: 'the refresh to wait',
  });
  const ended = timed(() => expectCleanEnd(leaving));
  await leaving.logged('shutdown');
  await Promise.all(clients);
  const goneAt = performance.now();
  await until(() => performance.now() - goneAt > LATE_MS, { what: 'the service to wait for nothing but the refresh' });
  held.release();
  const { ms } = await ended;
  process.stdout.write(`[measured] SIGTERM: ended after ${Math.round(ms)} ms, ${answered.size} requests answered\n`);
  expect(ms).toBeLessThan(ENDED_WITHIN_MS);

  // The refresh has been stored.
  const refreshed = await staying.fetch(productPath(REFRESHED));
  expect(refreshed.headers.get('cache-status')).toMatch(/^tiercel-l2; hit; ttl=\d/);
});

test('every request that was taken was answered, and every answer is in the traces, the last one too', () => {
  expect(answered.size).toBeGreaterThan(CLIENTS);
  const handled = new Set(collector.spans.map(({ traceId }) => traceId).filter((trace) => trace.startsWith('0000')));
  expect(handled).toEqual(answered);
});
