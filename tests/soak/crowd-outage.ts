import { until } from '../../src/testing/until.ts';
import { makeCatalogEnvironment } from '../integration/support/catalog-environment.ts';
import { type PostgresServer, startPostgres } from '../support/postgres-server.ts';
import { type RedisServer, startRedis } from '../support/redis-server.ts';
import { type ServiceProcess, startService } from '../support/service-process.ts';
import { type Crowd, type CrowdPlan, isUnwritten, startCrowd } from './crowd.ts';
import type { CrowdPhase } from './crowd-phase.ts';
import { endOf } from './fleet.ts';
import { LOG_LOADS, loadsIn, nameInstance, pausesBetween } from './load-log.ts';

/** Which outages, and how long. */
export interface CrowdOutagePlan extends CrowdPlan {
  /** Before anything is measured: so that figures are not those of a start. */
  readonly warmUpMs: number;
  /** All well before the first of them, and after the last. */
  readonly wellMs: number;
  readonly redis: keyof typeof REDIS_OUTAGES;
  readonly redisMs: number;
  readonly postgres: keyof typeof POSTGRES_OUTAGES;
  /** On top, at the end of that of Redis. */
  readonly postgresMs: number;
}

/** An instance does without Redis from now on, or with it. */
export interface FallbackChange {
  readonly event: 'redis_fallback_mode_enabled' | 'redis_cache_restored';
  /** Seconds since Redis went away. */
  readonly seconds: number;
}

/** What came of them. */
export interface CrowdOutageReport {
  readonly well: CrowdPhase;
  readonly withoutRedis: CrowdPhase;
  readonly withoutBoth: CrowdPhase;
  /** From PostgreSQL's return on. */
  readonly recovering: CrowdPhase;
  readonly lines: readonly string[];
  readonly ages: Crowd['ages'];
  /** While Redis was away: milliseconds between two loads of one product, that nobody changes, by one instance. */
  readonly pauses: readonly number[];
  readonly loads: number;
  /** Beginnings and ends of the fallback mode of each instance, from the first outage on. */
  readonly fallbacks: readonly (readonly FallbackChange[])[];
  /** The same of the breaker before the source: when it opened, and closed. */
  readonly breakers: readonly (readonly string[])[];
  /** What is wrong with how the services ended. */
  readonly complaints: readonly string[];
}

const MAX_LAG_MS = 1_500;
const RECOVERY_MS = 20_000;
const INSTANCES = ['one', 'other'] as const;

/** What may happen to Redis: how it begins, and how it ends. */
export const REDIS_OUTAGES = {
  stopped: { begin: (redis) => redis.pause(), end: (redis) => redis.resume() },
  killed: { begin: (redis) => redis.kill(), end: (redis) => redis.restart() },
} as const satisfies Readonly<Record<string, Outage<RedisServer>>>;

/** What may happen to PostgreSQL. */
export const POSTGRES_OUTAGES = {
  none: { begin: () => undefined, end: () => undefined },
  stopped: { begin: (postgres) => postgres.pause(), end: (postgres) => postgres.resume() },
  down: { begin: shutDown, end: (postgres) => postgres.restart() },
} as const satisfies Readonly<Record<string, Outage<PostgresServer>>>;

interface Outage<S> {
  begin(server: S): Promise<void> | void;
  end(server: S): Promise<void> | void;
}

/** A fast shutdown, as its operator would do it. */
async function shutDown(postgres: PostgresServer): Promise<void> {
  postgres.signal('SIGINT');
  await until(() => postgres.log().trimEnd().endsWith('database system is shut down'), {
    what: 'PostgreSQL to be down',
  });
}

/** Lets a crowd ask two services while Redis goes away, then PostgreSQL as well, and both come back. */
export async function runCrowdOutage(plan: CrowdOutagePlan): Promise<CrowdOutageReport> {
  await using owner = new AsyncDisposableStack();
  const redis = owner.use(await startRedis());
  const postgres = owner.use(await startPostgres({ config: LOG_LOADS }));
  const catalog = owner.use(await makeCatalogEnvironment({ redis: redis.url, postgres: postgres.url }));
  const services = await Promise.all(
    INSTANCES.map(async (name) => {
      const url = nameInstance(catalog.env.DATABASE_URL, name);
      return owner.use(await startService({ ...catalog.env, DATABASE_URL: url, CACHE_MAX_LAG_MS: String(MAX_LAG_MS) }));
    }),
  );
  const crowd = startCrowd(services, plan, MAX_LAG_MS);
  const lines: string[] = [];
  const during = async (name: string, act: () => Promise<unknown>): Promise<CrowdPhase> => {
    const phase = crowd.enter(name);
    await act();
    lines.push(phase.describe((performance.now() - phase.began) / 1_000));
    return phase;
  };
  await during('warming up', () => Bun.sleep(plan.warmUpMs));
  const well = await during('all well', () => Bun.sleep(plan.wellMs));
  const awayAt = Date.now();
  await REDIS_OUTAGES[plan.redis].begin(redis);
  const withoutRedis = await during(`Redis ${plan.redis}`, () => Bun.sleep(plan.redisMs));
  const alsoAwayAt = Date.now();
  crowd.askForCold(COLD_PERCENT);
  await POSTGRES_OUTAGES[plan.postgres].begin(postgres);
  const withoutBoth = await during(`and PostgreSQL ${plan.postgres}`, () => Bun.sleep(plan.postgresMs));
  crowd.askForCold(0);
  const recovering = await during('both back', async () => {
    await POSTGRES_OUTAGES[plan.postgres].end(postgres);
    await REDIS_OUTAGES[plan.redis].end(redis);
    const restored = services.map((service) =>
      until(() => changesIn(service, awayAt).at(-1)?.event === 'redis_cache_restored', RESTORED),
    );
    await Promise.all(restored);
    await Bun.sleep(plan.wellMs);
  });
  await crowd.stop();
  const loads = loadsIn(postgres).filter(({ at, id }) => at >= awayAt && at < alsoAwayAt && isUnwritten(id));
  const fallbacks = services.map((service) => changesIn(service, awayAt));
  const breakers = services.map((service) => transitionsIn(service, awayAt));
  const ends = services.map((service, index) => endOf({ name: INSTANCES[index] ?? '?', service }));
  const complaints = (await Promise.all(ends)).flat();
  const phases = { well, withoutRedis, withoutBoth, recovering };
  return {
    ...phases,
    lines,
    ages: crowd.ages,
    pauses: pausesBetween(loads),
    loads: loads.length,
    fallbacks,
    breakers,
    complaints,
  };
}

const RESTORED = { what: 'Redis to be used again', within: RECOVERY_MS, every: 20 };
/** Of a hundred requests without PostgreSQL, for what no tier can have. */
const COLD_PERCENT = 5;

function changesIn({ logs }: ServiceProcess, awayAt: number): FallbackChange[] {
  return logs.flatMap(({ event, time }) => {
    if (event !== 'redis_fallback_mode_enabled' && event !== 'redis_cache_restored') return [];
    const at = Date.parse(String(time));
    return at < awayAt ? [] : [{ event, seconds: (at - awayAt) / 1_000 }];
  });
}

function transitionsIn({ logs }: ServiceProcess, awayAt: number): string[] {
  return logs.flatMap(({ event, tier, to, time }) => {
    const at = Date.parse(String(time));
    if (event !== 'breaker_transition' || tier !== 'source' || at < awayAt) return [];
    return [`${to} after ${((at - awayAt) / 1_000).toFixed(1)} s`];
  });
}
