import { Redis } from 'ioredis';
import { createCache, type TieredCache } from 'tiercel';
import { lru } from 'tiercel/lru';
import { redis } from 'tiercel/redis';
import { SCRIPTS } from '../../../src/adapters/redis/protocol/scripts.ts';
import type { CacheEvent } from '../../../src/core/model/events.ts';
import { until } from '../../../src/testing/until.ts';
import { isInUse } from '../../soak/library-pair.ts';
import { startRedis, uniqueNamespace } from '../../support/redis-server.ts';
import { redisWire } from '../../support/redis-wire.ts';
import { startProxy } from '../../support/tcp-proxy.ts';
import { asCache, CONFIG, type Ground, type RedisFault } from './redis-faults.ts';
import { type Caller, startCallers } from './steady-callers.ts';

/** How long a fault lasts, and how often the cache is asked meanwhile. */
export interface FaultPlan {
  readonly ms: number;
  /** Lookups of keys that nobody has asked for before, and as many loads beside the cache, in a second. */
  readonly perSecond: number;
}

/** What came of a fault. Moments are of `performance.now()`. */
export interface FaultRun {
  readonly fault: RedisFault;
  readonly callers: Omit<Caller, 'stop'>;
  readonly began: number;
  readonly ended: number;
  /** Everything that the cache told, and when. */
  readonly events: readonly { readonly at: number; readonly event: CacheEvent }[];
  /** When heartbeats were sent. */
  readonly beats: readonly number[];
  /** When entries were asked for or filled, on behalf of callers. */
  readonly commands: readonly number[];
  /** Connections opened from the beginning of the fault to its end. */
  readonly attempts: number;
  /** When the cache had both tiers in use again; `undefined` for a fault that is for good. */
  readonly backAt: number | undefined;
}

/** What was granted too late is given back, and what is owed is delivered with a trial that was answered. */
const AFTERWARDS = new Set<string | undefined>([SCRIPTS.release.sha, SCRIPTS.invalidate.sha]);
/** All well before, and after: figures of that are for comparison. */
const WELL_MS = 300;
/** Long enough to see that it is late. */
const BACK_WITHIN_MS = 15_000;

/** Lets callers ask a cache at a steady pace while a fault comes and goes. */
export async function runFault(fault: RedisFault, { ms, perSecond }: FaultPlan): Promise<FaultRun> {
  await using owner = new AsyncDisposableStack();
  const events: FaultRun['events'][number][] = [];
  const beats: number[] = [];
  const commands: number[] = [];
  const ground = await prepare(owner, fault, beats, commands);
  const before = ground.proxy.accepted;
  let began = performance.now();
  const url = fault.url?.(ground) ?? asCache(ground.proxy.through(ground.server.url));
  const cache = owner.use(
    createCache({
      l1: lru(),
      ...redis(url, { namespace: uniqueNamespace('fault') }),
      observers: [(event) => events.push({ at: performance.now(), event })],
    }),
  );
  if (!fault.fromTheStart) await untilInUse(cache);
  const callers = startCallers(cache, Math.min(perSecond, fault.mostPerSecond ?? perSecond));
  if (!fault.fromTheStart) {
    await Bun.sleep(WELL_MS);
    await untilInUse(cache);
    began = performance.now();
  }
  await fault.inject(ground, ms);
  const ended = performance.now();
  const attempts = ground.proxy.accepted - before;
  if (!fault.isForGood) await untilInUse(cache);
  const backAt = fault.isForGood ? undefined : performance.now();
  await Bun.sleep(WELL_MS);
  await callers.stop();
  return { fault, callers, began, ended, events, beats, commands, attempts, backAt };
}

async function prepare(
  owner: AsyncDisposableStack,
  fault: RedisFault,
  beats: number[],
  commands: number[],
): Promise<Ground> {
  const server = owner.use(await startRedis({ config: { ...CONFIG, ...fault.config } }));
  const wire = redisWire();
  const proxy = owner.use(
    await startProxy({
      target: server.url,
      onClientData(connection, bytes) {
        wire.observers.onClientData?.(connection, bytes);
        for (const { name, words } of wire.commands) {
          const script = name === 'EVALSHA' ? words[1] : undefined;
          if (script === SCRIPTS.heartbeat.sha) beats.push(performance.now());
          else if (!AFTERWARDS.has(script) && words.some((word) => word.includes('}:e:')))
            commands.push(performance.now());
        }
        wire.forget();
      },
    }),
  );
  const admin = new Redis(server.url, { maxRetriesPerRequest: null, retryStrategy: () => 20 });
  // It is away whenever the server is, and comes back by itself.
  admin.on('error', () => {});
  owner.defer(() => admin.disconnect());
  return { server, proxy, admin };
}

function untilInUse(cache: TieredCache): Promise<unknown> {
  return until(() => isInUse(cache) && cache.health().l1.healthy, {
    what: 'both tiers to be in use',
    within: BACK_WITHIN_MS,
  });
}
