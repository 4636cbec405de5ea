/**
 * Measures the catalog under load. A thousand clients ask two instances of the service over one PostgreSQL and one
 * Redis. They ask mostly for the same rows, and every twentieth request is a change. It measures with the cache,
 * without it, and while Redis is away. `bun run bench catalog`
 */
import type { CrowdTurn } from '../../tests/acceptance/crowd.ts';
import { compare } from '../http/rounds.ts';
import { Stage } from '../http/stage.ts';
import { benchmark } from '../support/benchmark.ts';
import type { Row } from '../support/report.ts';
import { makeSurroundings } from './fleet.ts';
import { type Watched, withCache, withoutCache } from './phases.ts';
import { promised } from './promises.ts';
import { from, good, improvement, latencyRows, percent, perSecond, ROUTE_NAMES, reads, readsOf } from './turns.ts';

const WITH = 'with the cache';
const WITHOUT = 'without (CACHE_DISABLED)';
const BARE = 'Elysia + postgres.js';

await benchmark('catalog', async () => {
  const [cached, uncached] = await measureLoad();
  const disabled = await measureDisabled();
  const rows = [
    ...sharesOf('the catalog', cached.usual),
    ...sharesOf('dashboards, polled', cached.dashboards),
    { subject: WITH, case: 'dashboard among all, queries avoided', figure: dashboardAvoided(cached.usual), unit: '%' },
    ...ROUTE_NAMES.map((route) => ({
      subject: WITH,
      case: `GET ${route}, paced, median faster than without`,
      figure: improvement(readsOf(route, cached.usual.turns), readsOf(route, uncached.usual)),
      unit: '%',
    })),
    ...throughput('paced', cached.usual.turns, uncached.usual),
    ...throughput('without pauses', cached.unpaced, uncached.unpaced),
    ...latencyRows(`${WITH}, paced`, cached.usual.turns),
    ...latencyRows(`${WITHOUT}, paced`, uncached.usual),
    ...latencyRows(`${WITH}, Redis away`, cached.outage),
    ...latencyRows(`${WITH}, without pauses`, cached.unpaced),
    ...latencyRows(`${WITHOUT}, without pauses`, uncached.unpaced),
    ...disabled.rows,
  ];
  const bare = disabled.aim('requests/s with the cache disabled, by a bare route', WITHOUT, BARE, 0.95);
  return { rows, aims: [...promised(cached, uncached), bare] };
});

async function measureLoad() {
  await using surroundings = await makeSurroundings();
  return [await withCache(surroundings), await withoutCache(surroundings)] as const;
}

async function measureDisabled() {
  await using stage = await Stage.set();
  const subjects = [
    await stage.subject(BARE, 'select.ts', stage.databaseUrl),
    await stage.service(WITHOUT, { CACHE_DISABLED: 'true' }),
  ];
  // The stage ends with this function, so the result is awaited here.
  return await compare('one product, no cache', subjects, 5);
}

function sharesOf(name: string, { turns, loads }: Watched): Row[] {
  const all = reads(turns);
  const share = (tier: string, some: number): Row => ({
    subject: WITH,
    case: `${name}, ${tier}`,
    figure: percent(some, all.length),
    unit: '%',
  });
  return [
    ...['l1', 'l2', 'source'].map((tier) => share(`answered by ${tier}`, from(all, tier).length)),
    share('queries avoided', all.length - loads),
  ];
}

function dashboardAvoided({ turns, dashboardLoads }: Watched): number {
  return 100 - percent(dashboardLoads, readsOf('dashboard', turns).length);
}

function throughput(name: string, withIt: readonly CrowdTurn[], without: readonly CrowdTurn[]): Row[] {
  const [figure, other] = [perSecond(good(withIt)), perSecond(good(without))];
  const errors = (turns: readonly CrowdTurn[]) => percent(turns.length - good(turns).length, turns.length);
  const circumstances = `1,000 clients, ${name}`;
  return [
    { subject: WITH, case: circumstances, figure, unit: '/s', ratio: figure / other, to: WITHOUT },
    { subject: WITHOUT, case: circumstances, figure: other, unit: '/s' },
    { subject: WITH, case: circumstances, figure: errors(withIt), unit: '% errors' },
    { subject: WITHOUT, case: circumstances, figure: errors(without), unit: '% errors' },
  ];
}
