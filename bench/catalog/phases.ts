import type { SeededRandom } from '../../src/testing/seeded-random.ts';
import { dashboardPath } from '../../tests/acceptance/catalog.ts';
import { Crowd, type CrowdTurn } from '../../tests/acceptance/crowd.ts';
import { LOADS } from '../../tests/acceptance/loads.ts';
import type { CatalogRequest } from '../../tests/acceptance/workload.ts';
import { platePath } from '../../tests/integration/support/catalog-requests.ts';
import { countStatements } from '../../tests/integration/support/postgres-statements.ts';
import { isQuick, progress } from '../support/report.ts';
import { logStatements, type Pair, type Surroundings, startPair, warm } from './fleet.ts';
import { type Probes, probe } from './probes.ts';

/** The answers to a crowd in some time, and the loads of the database in the same time. */
export interface Watched {
  readonly turns: readonly CrowdTurn[];
  /** Statements that read the rows of the catalog's answers. */
  readonly loads: number;
  readonly dashboardLoads: number;
}

/** The measurements of the fleet with its cache. */
export interface WithCache {
  readonly usual: Watched;
  readonly probes: Probes;
  /** The answers of a time in which Redis is stopped for `awayMs`. */
  readonly outage: readonly CrowdTurn[];
  /** The answers of {@link outage} that took longer than the bound, without the delay of the crowd itself. */
  readonly tooSlow: number;
  readonly unpaced: readonly CrowdTurn[];
  readonly dashboards: Watched;
}

/** The measurements without the cache. */
export interface WithoutCache {
  readonly usual: readonly CrowdTurn[];
  readonly unpaced: readonly CrowdTurn[];
}

export const CLIENTS = 1_000;
/** The rate exceeds the promised 800 requests a second, and does not fill the machine without a cache. */
export const PER_SECOND = 1_100;
/** The bound of an answer while Redis is away. Milliseconds. */
export const OUTAGE_MS = 500;

const SEED = 20_261_126;
const COMING_MS = 2_000;
const USUAL_MS = isQuick() ? 2_000 : 15_000;
const AWAY_MS = isQuick() ? 1_500 : 6_000;
const BACK_MS = isQuick() ? 1_000 : 4_000;
const UNPACED_MS = isQuick() ? 1_500 : 6_000;
const DASHBOARDS_MS = isQuick() ? 2_000 : 8_000;

/** At this rate a client asks again as soon as it has its answer. */
const AT_ONCE = 1e6;

/** Every client reads a dashboard every other second, while stock moves five times a second. */
const POLLS = 500;
const MOVES = 5;

export async function withCache(surroundings: Surroundings): Promise<WithCache> {
  progress('catalog: with the cache');
  await using owner = new AsyncDisposableStack();
  const pair = await startPair(owner, surroundings);
  await warm(pair[0]);
  const { redis } = surroundings;

  const paced = await Crowd.gather(pair, { clients: CLIENTS, perSecond: PER_SECOND, seed: SEED });
  await paced.during(COMING_MS);
  const [usual, probes] = await Promise.all([watch(surroundings, paced, USUAL_MS), probe(pair, redis.url, USUAL_MS)]);
  await logStatements(surroundings, 'none');
  progress('catalog: while Redis is away');
  setTimeout(() => redis.pause(), BACK_MS / 2);
  setTimeout(() => redis.resume(), BACK_MS / 2 + AWAY_MS);
  const outage = await paced.during(BACK_MS + AWAY_MS);
  await paced.leave();
  const tooSlow = paced.slowerThan(OUTAGE_MS, outage).length;

  const unpaced = await askAtOnce(pair);
  progress('catalog: dashboards');
  await logStatements(surroundings, 'all');
  const polled = { clients: CLIENTS, perSecond: POLLS + MOVES, seed: SEED, next: pollOrMove };
  await using pollers = await Crowd.gather(pair, polled);
  await pollers.during(COMING_MS);
  const dashboards = await watch(surroundings, pollers, DASHBOARDS_MS);
  return { usual, probes, outage, tooSlow, unpaced, dashboards };
}

export async function withoutCache(surroundings: Surroundings): Promise<WithoutCache> {
  progress('catalog: without the cache');
  await using owner = new AsyncDisposableStack();
  await logStatements(surroundings, 'none');
  const pair = await startPair(owner, surroundings, { CACHE_DISABLED: 'true' });
  await using paced = await Crowd.gather(pair, { clients: CLIENTS, perSecond: PER_SECOND, seed: SEED });
  await paced.during(COMING_MS);
  const usual = await paced.during(USUAL_MS);
  await paced.leave();
  return { usual, unpaced: await askAtOnce(pair) };
}

/** Lets all clients ask as fast as they are answered. */
async function askAtOnce(pair: Pair): Promise<readonly CrowdTurn[]> {
  await using crowd = await Crowd.gather(pair, { clients: CLIENTS, perSecond: AT_ONCE, seed: SEED });
  await crowd.during(COMING_MS / 2);
  // The crowd ends with this function, so the result is awaited here.
  return await crowd.during(UNPACED_MS);
}

async function watch({ postgres }: Surroundings, crowd: Crowd, ms: number): Promise<Watched> {
  const executed = countStatements(postgres);
  const turns = await crowd.during(ms);
  return { turns, loads: executed.count(LOADS), dashboardLoads: executed.count(/with true_view as/) };
}

function pollOrMove(random: SeededRandom): CatalogRequest {
  if (!random.chance(MOVES / (POLLS + MOVES)))
    return { method: 'GET', path: dashboardPath(Math.ceil(random.between(0, 10)) || 1) };
  const plate = Math.ceil(random.between(0, 2_000)) || 1;
  return { method: 'PATCH', path: platePath(plate), body: JSON.stringify({ quantity: plate }) };
}
