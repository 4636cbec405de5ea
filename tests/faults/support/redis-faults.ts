import type { Redis } from 'ioredis';
import type { RedisServer } from '../../support/redis-server.ts';
import { isBus, isData } from '../../support/redis-wire.ts';
import type { TcpProxy } from '../../support/tcp-proxy.ts';

/** What a fault may lay its hands on. */
export interface Ground {
  readonly server: RedisServer;
  /** Between the cache and the server. */
  readonly proxy: TcpProxy;
  /** Straight to the server, as an operator. */
  readonly admin: Redis;
}

/** Something that goes wrong with one Redis or on the way to it. */
export interface RedisFault {
  readonly name: string;
  /** Directives of the server beside those of the tests. */
  readonly config?: Readonly<Record<string, string>>;
  /** Where the cache connects to; by default through the proxy as the user {@link CACHE_USER}. */
  readonly url?: (ground: Ground) => string;
  /** It is in force before the cache starts. */
  readonly fromTheStart?: boolean;
  /** Lookups a second, where more would say nothing but that the proxy is slow. */
  readonly mostPerSecond?: number;
  /** Whether the breaker is to open: not where Redis answers in time, if only to refuse. */
  readonly opensBreaker: boolean;
  /** Redis takes what it is sent, and answers nothing until it is over. */
  readonly hangs?: boolean;
  /** It answers, heartbeats among others, but most of it too late: the breaker may close, and open again. */
  readonly isSlow?: boolean;
  /** Nothing of the bus arrives. */
  readonly deafens?: boolean;
  /** It does not end by itself: an alarm is to say so. */
  readonly needsOperator?: boolean;
  /** Goes wrong for so long. Resolves when it has been put right; a fault that nobody can put right waits that long. */
  inject(ground: Ground, ms: number): Promise<void>;
  /** Nothing ends it while the cache lives. */
  readonly isForGood?: boolean;
}

/** What the cache connects as, so that an operator can change its password and its rights. */
export const CACHE_USER = 'cache';
const PASSWORD = 'right';
/** It may do everything, and is known to the server whenever that starts. */
const USER_OF_CACHE = `${CACHE_USER} on >${PASSWORD} allkeys allchannels +@all`;

const FLOOD_VALUE = 'x'.repeat(100_000);
/** 25 MB against a limit of 16; most of it before anybody looks. */
const FLOOD_KEYS = 250;
const FLOODED_AT_FIRST = 200;
/** 10 MB a second. */
const FLOOD_PAUSE_MS = 10;
const FULL = { maxmemory: '16mb' };
/** Microseconds that the server takes to load a key, and how often it looks at its clients meanwhile, in bytes. */
const SLOW_LOAD = { 'key-load-delay': '1000', 'loading-process-events-interval-bytes': '1024' };

/** The server's configuration, whatever the fault is. */
export const CONFIG = { user: USER_OF_CACHE };

/** Every one of them, by name. */
export const REDIS_FAULTS: readonly RedisFault[] = [
  { name: 'stopped (SIGSTOP)', hangs: true, opensBreaker: true, inject: stop },
  { name: 'hung (DEBUG SLEEP)', hangs: true, opensBreaker: true, inject: sleepInDebug },
  { name: 'hung (CLIENT PAUSE)', hangs: true, opensBreaker: true, inject: pauseClients },
  { name: 'killed, back empty', opensBreaker: true, inject: kill },
  { name: 'loading', config: SLOW_LOAD, opensBreaker: true, inject: load },
  { name: 'refused', opensBreaker: true, inject: refuse },
  { name: 'reset', opensBreaker: true, inject: (ground, ms) => impose(ground, { cutAfter: 1 }, ms) },
  { name: 'black hole', opensBreaker: true, inject: (ground, ms) => blackHole(ground, ms) },
  { name: 'black hole on data, bus fine', opensBreaker: true, inject: (ground, ms) => blackHole(ground, ms, isData) },
  {
    name: 'black hole on the bus, data fine',
    deafens: true,
    opensBreaker: false,
    inject: (ground, ms) => blackHole(ground, ms, isBus),
  },
  {
    name: '10 KB/s',
    isSlow: true,
    opensBreaker: true,
    inject: (ground, ms) => impose(ground, { bandwidth: 10_000, slice: 500 }, ms),
  },
  {
    name: '100 ± 50 ms',
    opensBreaker: true,
    inject: (ground, ms) => impose(ground, { latency: 100, jitter: 50 }, ms),
  },
  {
    name: 'slices of one byte',
    mostPerSecond: 10,
    opensBreaker: false,
    inject: (ground, ms) => impose(ground, { slice: 1 }, ms),
  },
  {
    name: 'unknown host',
    fromTheStart: true,
    isForGood: true,
    opensBreaker: true,
    url: () => 'redis://no-such-host.invalid:6379',
    inject: (_, ms) => lasting(ms),
  },
  {
    name: 'wrong password',
    needsOperator: true,
    fromTheStart: true,
    opensBreaker: true,
    url: ({ proxy, server }) => asCache(proxy.through(server.url), 'wrong'),
    inject: allowLater,
  },
  { name: 'password rotated', needsOperator: true, opensBreaker: true, inject: rotatePassword },
  {
    name: 'right to scripts lost',
    needsOperator: true,
    opensBreaker: true,
    inject: (ground, ms) => loseRights(ground, ms, '-@scripting'),
  },
  {
    name: 'right to read lost',
    needsOperator: true,
    opensBreaker: true,
    inject: (ground, ms) => loseRights(ground, ms, '-@read'),
  },
  {
    name: 'full (noeviction)',
    config: { ...FULL, 'maxmemory-policy': 'noeviction' },
    opensBreaker: false,
    inject: flood,
  },
  {
    name: 'full (allkeys-lru)',
    config: { ...FULL, 'maxmemory-policy': 'allkeys-lru' },
    opensBreaker: false,
    inject: flood,
  },
  { name: 'read-only', opensBreaker: true, inject: makeReplica },
  { name: 'too few replicas', opensBreaker: true, inject: demandReplicas },
];

/** A URL with this password, and the name that the cache connects as. */
export function asCache(url: string, password = PASSWORD): string {
  return url.replace('redis://', `redis://${CACHE_USER}:${password}@`);
}

async function stop({ server }: Ground, ms: number): Promise<void> {
  server.pause();
  await lasting(ms);
  server.resume();
}

/** It answers when it wakes up. */
async function sleepInDebug({ admin }: Ground, ms: number): Promise<void> {
  await admin.call('DEBUG', 'SLEEP', ms / 1_000);
}

async function pauseClients({ admin }: Ground, ms: number): Promise<void> {
  await admin.call('CLIENT', 'PAUSE', ms, 'ALL');
  await admin.ping();
}

async function kill({ server }: Ground, ms: number): Promise<void> {
  await server.kill();
  await lasting(ms);
  await server.restart();
}

/** The log says that it is ready once all is loaded; until then it answers that it is loading. */
async function load({ server, admin }: Ground, ms: number): Promise<void> {
  await admin.call('DEBUG', 'POPULATE', Math.round(ms), 'filler');
  await admin.save();
  await server.kill();
  await server.restart({ keepData: true });
}

async function refuse({ proxy }: Ground, ms: number): Promise<void> {
  proxy.refuse();
  proxy.resetConnections();
  await lasting(ms);
  await proxy.accept();
}

async function impose({ proxy }: Ground, fault: Parameters<TcpProxy['impose']>[0], ms: number): Promise<void> {
  const imposed = proxy.impose(fault);
  await lasting(ms);
  imposed.lift();
}

/** What was sent is lost for good: a connection that held it back does not go on. */
async function blackHole({ proxy }: Ground, ms: number, where: typeof isData = () => true): Promise<void> {
  const hole = proxy.impose({ hold: true }, { where });
  await lasting(ms);
  proxy.resetConnections(where);
  hole.lift();
}

async function allowLater({ admin }: Ground, ms: number): Promise<void> {
  await lasting(ms);
  await admin.call('ACL', 'SETUSER', CACHE_USER, '>wrong');
}

/** And everybody is made to log in again. */
async function rotatePassword({ admin }: Ground, ms: number): Promise<void> {
  await admin.call('ACL', 'SETUSER', CACHE_USER, 'resetpass', '>another');
  await admin.call('CLIENT', 'KILL', 'USER', CACHE_USER);
  await lasting(ms);
  await admin.call('ACL', 'SETUSER', CACHE_USER, `>${PASSWORD}`);
}

async function loseRights({ admin }: Ground, ms: number, right: string): Promise<void> {
  await admin.call('ACL', 'SETUSER', CACHE_USER, right);
  await lasting(ms);
  await admin.call('ACL', 'SETUSER', CACHE_USER, '+@all');
}

/** Somebody else writes more than there is room for, again and again. */
async function flood({ admin }: Ground, ms: number): Promise<void> {
  const names = Array.from({ length: FLOOD_KEYS }, (_, index) => `flood:${index}`);
  const end = performance.now() + ms;
  for (const name of names.slice(0, FLOODED_AT_FIRST)) await admin.set(name, FLOOD_VALUE).catch(refusedAsFull);
  while (performance.now() < end) {
    for (const name of names) {
      await admin.set(name, FLOOD_VALUE).catch(refusedAsFull);
      await lasting(FLOOD_PAUSE_MS);
    }
  }
  await admin.unlink(...names);
}

function refusedAsFull(error: unknown): void {
  if (!(error instanceof Error && error.message.startsWith('OOM'))) throw error;
}

/** Of a master that is not there. */
async function makeReplica({ admin }: Ground, ms: number): Promise<void> {
  await admin.replicaof('127.0.0.1', 1);
  await lasting(ms);
  await admin.replicaof('NO', 'ONE');
}

async function demandReplicas({ admin }: Ground, ms: number): Promise<void> {
  await admin.config('SET', 'min-replicas-to-write', '1');
  await lasting(ms);
  await admin.config('SET', 'min-replicas-to-write', '0');
}

/** How long a fault lasts is a part of what it is. */
function lasting(ms: number): Promise<void> {
  return Bun.sleep(ms);
}
