import type { GroupCounters } from './model/counters.ts';
import type { PendingSummary } from './model/errors.ts';
import type { RemoteInfo } from './ports/server-info.ts';
import type { BreakerStateName } from './primitives/circuit-breaker.ts';
import type { CacheContext } from './state/context.ts';
import type { GenerationSweeper } from './sync/generation-sweeper.ts';
import type { HeartbeatLoop } from './sync/heartbeat-loop.ts';
import type { Follower } from './sync/outbox-follower.ts';
import type { Relay, RelayHealth } from './sync/outbox-relay.ts';
import type { ServerMonitor, ServerStatus } from './sync/server-monitor.ts';
import type { TagKeeper } from './sync/tag-keeper.ts';

/** Counts of one group of keys since the cache was made. */
export interface GroupStats {
  /** Name of the group; see the option `groupOf`. */
  readonly group: string;
  /** Answers from L1 or L2, stale ones included. */
  readonly hits: number;
  /** Answers that a loader gave, and {@link unanswered}. */
  readonly misses: number;
  /** Calls that load nothing and found nothing: `get`, `has`, `peek`, and each such key of a `getMany`. */
  readonly unanswered: number;
  /** Stale answers. */
  readonly stale: number;
  /** Loads that called a loader. */
  readonly loads: number;
  /** Loads that failed. A load that all its callers left does not count. */
  readonly loadErrors: number;
  /** Answers that a caller got from a load or refill of another caller. */
  readonly collapsed: number;
  /** Calls that rejected. */
  readonly errors: number;
  readonly l1Hits: number;
  readonly l2Hits: number;
  readonly l1Stale: number;
  readonly l2Stale: number;
  /** `hits / (hits + misses)`; 0 before the first answer. */
  readonly hitRate: number;
}

/** Counts since the cache was made, read at one moment. */
export interface CacheStats extends Omit<GroupStats, 'group' | 'l1Hits' | 'l2Hits' | 'l1Stale' | 'l2Stale'> {
  readonly tiers: {
    readonly l1: {
      readonly hits: number;
      readonly stale: number;
      readonly entries: number;
      readonly bytes: number;
      readonly evictions: number;
      /** Number of times that L1 was suspended; see {@link CacheHealth.l1}. */
      readonly suspensions: number;
    };
    /** Absent without an L2. */
    readonly l2?: {
      readonly hits: number;
      readonly stale: number;
      readonly errors: number;
      readonly timeouts: number;
      /** Loaded values that L2 refused, for instance because an invalidation came first. */
      readonly fillsRefused: number;
      /** Loaded values that could not be stored in L2, because of an error or their length. */
      readonly fillsFailed: number;
      /** Keys that the server dropped to make room while this cache watched. It includes keys of other applications. */
      readonly evictions: number;
      /** Keys of former generations that this instance has removed. */
      readonly swept: number;
      /** Figures that the server reported of itself at the last look; `undefined` before the first. */
      readonly server: RemoteInfo | undefined;
    };
  };
  readonly bus: { readonly messages: number; readonly gaps: number; readonly malformed: number };
  /** Loads that the cache refused in order to protect the source. */
  readonly loadsRefused: number;
  readonly breakerTransitions: number;
  readonly invalidations: number;
  /** Rows of the outbox that this instance has delivered for other writers. */
  readonly relayed: number;
  readonly groups: readonly GroupStats[];
}

/** The present state of each tier, as this instance knows it. */
export interface CacheHealth {
  readonly l1: {
    readonly healthy: boolean;
    /** True while L1 may not answer, because this instance cannot prove that it missed no invalidation. */
    readonly suspended: boolean;
    readonly entries: number;
    readonly bytes: number;
  };
  /** Absent without an L2. */
  readonly l2?: ServerStatus & {
    readonly healthy: boolean;
    readonly connected: boolean;
    /** Round trip of the last heartbeat in milliseconds; `undefined` before the first. */
    readonly latencyMs: number | undefined;
    readonly breaker: BreakerStateName;
    /** True while this instance removes the keys of former generations. `stats` counts these keys. */
    readonly sweeping: boolean;
  };
  readonly source: {
    /** Number of loads that run. `waiting` is the number of loads that wait for one of these to end. */
    readonly running: number;
    readonly waiting: number;
    /** Absent without a breaker before the source. */
    readonly breaker?: BreakerStateName;
  };
  /** Absent without a bus. */
  readonly bus?: {
    readonly subscribed: boolean;
    /**
     * Age of the latest proof that this instance missed no invalidation, in milliseconds; `undefined` before the first.
     */
    readonly proofAgeMs: number | undefined;
  };
  /** Absent unless the cache has an outbox and an L2. */
  readonly relay?: RelayHealth;
  /** Absent unless L1 follows an outbox, which it does without an L2. */
  readonly follower?: {
    /** True when the last look could read the outbox. */
    readonly healthy: boolean;
    /** Age of the latest look, in milliseconds; `undefined` before the first. */
    readonly proofAgeMs: number | undefined;
  };
  readonly pending: PendingSummary;
  readonly flights: number;
}

/** Adds up the counters. */
export function statsOf(context: CacheContext, { monitor }: Workers): CacheStats {
  const { counters, l1, l2 } = context;
  const groups = [...counters.groups()].map(groupStats);
  const sum = (of: (group: GroupStats) => number): number => groups.reduce((total, group) => total + of(group), 0);
  const hits = sum((group) => group.hits);
  const misses = sum((group) => group.misses);
  return {
    hits,
    misses,
    unanswered: sum((group) => group.unanswered),
    stale: sum((group) => group.stale),
    loads: sum((group) => group.loads),
    loadErrors: sum((group) => group.loadErrors),
    collapsed: sum((group) => group.collapsed),
    errors: sum((group) => group.errors),
    hitRate: rate(hits, misses),
    tiers: {
      l1: {
        hits: sum((group) => group.l1Hits),
        stale: sum((group) => group.l1Stale),
        suspensions: counters.l1Suspensions,
        ...l1.usage(),
      },
      ...(l2 && {
        l2: {
          hits: sum((group) => group.l2Hits),
          stale: sum((group) => group.l2Stale),
          errors: counters.l2Errors,
          timeouts: counters.l2Timeouts,
          fillsRefused: counters.fillsRefused,
          fillsFailed: counters.fillsFailed,
          evictions: counters.l2Evictions,
          swept: counters.l2Swept,
          server: monitor?.known.server,
        },
      }),
    },
    bus: { messages: counters.busMessages, gaps: counters.busGaps, malformed: counters.busMalformed },
    loadsRefused: counters.loadsRefused,
    breakerTransitions: counters.breakerTransitions,
    invalidations: counters.invalidations,
    relayed: counters.relayed,
    groups,
  };
}

function groupStats({
  group,
  l1Hits,
  l1Stale,
  l2Hits,
  l2Stale,
  misses: loaded,
  unanswered,
  loads,
  loadErrors,
  collapsed,
  errors,
}: GroupCounters): GroupStats {
  const stale = l1Stale + l2Stale;
  const hits = l1Hits + l2Hits + stale;
  const misses = loaded + unanswered;
  return {
    group,
    hits,
    misses,
    unanswered,
    stale,
    loads,
    loadErrors,
    collapsed,
    errors,
    l1Hits,
    l2Hits,
    l1Stale,
    l2Stale,
    hitRate: rate(hits, misses),
  };
}

function rate(hits: number, misses: number): number {
  return hits + misses === 0 ? 0 : hits / (hits + misses);
}

/** Reads the state of each tier from memory. It sends no request. */
export function healthOf(
  context: CacheContext,
  { heartbeat, relay, follower, monitor, sweeper }: Workers,
): CacheHealth {
  const { clock, proof, l2, source, hasBus, l1, pending, recorder, flights } = context;
  const now = clock.now();
  const suspended = !proof.isProven(now) && heartbeat?.isResting !== true;
  const proofAgeMs = Number.isFinite(proof.provenAt) ? now - proof.provenAt : undefined;
  const { entries, bytes } = l1.usage();
  return {
    l1: { healthy: !suspended, suspended, entries, bytes },
    ...(l2 &&
      monitor && {
        l2: {
          ...monitor.known,
          healthy: l2.breaker.isClosed && l2.session !== undefined,
          connected: heartbeat?.isConnected ?? false,
          latencyMs: l2.latencyMs,
          breaker: l2.breaker.state.kind,
          sweeping: sweeper?.isSweeping ?? false,
        },
      }),
    source: { ...source.health, ...(source.guard && { breaker: source.guard.breaker.state.kind }) },
    ...(hasBus && { bus: { subscribed: heartbeat?.isSubscribed ?? false, proofAgeMs } }),
    ...(relay && { relay: relay.health }),
    ...(follower && { follower: { healthy: follower.isHealthy, proofAgeMs } }),
    pending: (recorder ?? pending).summary(),
    flights: flights.size,
  };
}

/** The background workers of a cache. Each is present only where its tier is. */
export interface Workers {
  readonly heartbeat: HeartbeatLoop | undefined;
  readonly relay: Relay | undefined;
  readonly follower: Follower | undefined;
  readonly monitor: ServerMonitor | undefined;
  readonly sweeper: GenerationSweeper | undefined;
  readonly keeper: TagKeeper | undefined;
}
