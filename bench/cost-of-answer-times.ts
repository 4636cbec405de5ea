/**
 * Measures the cost of counting the time of every answer for an L1 hit, through the whole application. Without a token
 * the hit is answered at once, with one through a promise. The two ways take turns of thousands of requests, so that
 * other work of the machine strikes both. The fastest tenth of the turns is compared. `bun
 * bench/cost-of-answer-times.ts`
 */
import { catalogResources } from '../src/catalog/resources/index.ts';
import { alertedAnswers } from '../src/service/alerts/start-alerts.ts';
import { Access } from '../src/service/auth/access-control.ts';
import { RefusedAuth } from '../src/service/auth/refused-auth.ts';
import { loadConfig } from '../src/service/config/load-config.ts';
import { createContext } from '../src/service/create-service.ts';
import { createApp } from '../src/service/http/app.ts';
import { timed } from '../src/service/http/response-times.ts';
import type { RouteHandler } from '../src/service/http/route.ts';
import { createLogger } from '../src/service/logging/logger.ts';
import { L1Timing } from '../src/service/routes/l1-read-time.ts';
import { NewKeys } from '../src/service/routes/new-keys.ts';
import { readRoute } from '../src/service/routes/read-route.ts';
import { WriteLimit } from '../src/service/routes/write-limit.ts';
import { AccessCounts } from '../src/service/warming/read-counts.ts';

const TOKEN = 'a-token-that-is-at-least-32-characters';
const TURNS = 300;
const REQUESTS = 5_000;

const config = loadConfig({ LOG_LEVEL: 'silent', CACHE_L1_TTL_MS: '3600000' }, { isTerminal: false });
const log = await createLogger(config.log);
await using context = await createContext(config, catalogResources, log);
const { cache, database } = context;
const resource = catalogResources.find(({ group }) => group === 'product');
if (resource === undefined) throw new Error('There is no resource with the group product');
const path = `/api/v1${resource.route}`;
const headers = { authorization: `Bearer ${TOKEN}` };
const request = new Request('http://localhost/api/v1/orgs/1/products/1', { headers });

const appOf = (handle: RouteHandler) =>
  createApp([{ method: 'GET', path, handle }], { traced: false, onUnexpected: (error) => console.error(error) });

const refused = new RefusedAuth({ log, addressOf: () => undefined });

for (const auth of ['none', 'token'] as const) {
  const answers = alertedAnswers();
  const services = {
    cache,
    sql: database.sql,
    outbox: { claim: async () => '' },
    access: new Access({ auth, adminToken: TOKEN, viewerToken: undefined, findHolder: async () => null, refused }),
    writes: new WriteLimit(1),
    newKeys: new NewKeys(10_000),
    accessCounts: new AccessCounts(database.sql, log),
    l1Timing: new L1Timing(),
    answers,
    cacheDisabled: false,
    ttlMs: {},
  };
  const plain = { app: appOf(readRoute(resource, services)), turns: [] as number[] };
  const counted = { app: appOf(timed(readRoute(resource, services), answers)), turns: [] as number[] };
  for (let turn = 0; turn < TURNS; turn++) {
    for (const way of turn % 2 === 0 ? [plain, counted] : [counted, plain]) {
      const began = performance.now();
      for (let sent = 0; sent < REQUESTS; sent++) {
        const answer = await way.app.fetch(request);
        if (answer.status !== 200) throw new Error(`The request was answered ${answer.status}`);
      }
      way.turns.push(((performance.now() - began) * 1e6) / REQUESTS);
    }
  }
  const [without, withIt] = [plain, counted].map(({ turns }) => {
    return turns.toSorted((a, b) => a - b)[Math.floor(TURNS / 10)] ?? Number.NaN;
  });
  const more = ((withIt ?? Number.NaN) / (without ?? Number.NaN) - 1) * 100;
  console.log(
    `AUTH=${auth}: ${without?.toFixed(0)} ns a hit, counted ${withIt?.toFixed(0)} ns (${more.toFixed(1)} % more)`,
  );
}
