import type { AlertName, Severity } from './alert.ts';
import { percentInWords } from './in-words.ts';
import type { Snapshot } from './snapshot.ts';
import { ALERT_THRESHOLDS } from './thresholds.ts';

/** What a rule finds in a snapshot. */
export interface Finding {
  readonly isBad: boolean;
  readonly value: number | null;
}

/** One condition that somebody should hear of. */
export interface AlertRule {
  readonly alert: AlertName;
  readonly severity: Severity;
  /** What the value should not pass; `null` where there is nothing to measure. */
  readonly threshold: number | null;
  /** How long it must be bad before the alert goes up. */
  readonly holdMs: number;
  /** How long it must be well before the alert comes down. */
  readonly calmMs: number;
  /** Alerts of which this would be a mere consequence: while one of them lasts, this is not judged. */
  readonly explainedBy: readonly AlertName[];
  judge(snapshot: Snapshot): Finding;
  /** What is wrong, since when, what it means, what to do. */
  firing(value: number | null, since: string): string;
  /** @param lasted How long it was wrong, in words. */
  resolved(lasted: string): string;
}

const T = ALERT_THRESHOLDS;
const NOTHING_TO_JUDGE: Finding = { isBad: false, value: null };

const redisUnavailable: AlertRule = {
  alert: 'redis_unavailable',
  severity: 'critical',
  threshold: null,
  ...T.redisUnavailable,
  explainedBy: [],
  judge: ({ isRedisDown }) => ({ isBad: isRedisDown, value: null }),
  firing: () => 'Redis cache unavailable. Running in database-only mode.',
  resolved: (lasted) => `Redis cache available again after ${lasted}. Reads are answered from it.`,
};

const sourceUnavailable: AlertRule = {
  alert: 'source_unavailable',
  severity: 'critical',
  threshold: null,
  holdMs: T.sourceUnavailable.holdMs,
  calmMs: T.sourceUnavailable.calmMs,
  explainedBy: [],
  judge: ({ isSourceDown }) => ({ isBad: isSourceDown, value: null }),
  firing: (_, since) =>
    `The database has not answered since ${since}: what is cached is still answered, everything else fails with 503; look at PostgreSQL.`,
  resolved: (lasted) => `The database answers again after ${lasted}.`,
};

const hitRatioLow: AlertRule = {
  alert: 'hit_ratio_low',
  severity: 'warning',
  threshold: T.hitRatio.least,
  holdMs: T.hitRatio.holdMs,
  calmMs: T.hitRatio.calmMs,
  explainedBy: ['redis_unavailable', 'source_unavailable'],
  judge({ lookups }) {
    if (lookups === undefined || lookups.answers < T.hitRatio.minimumAnswers) return NOTHING_TO_JUDGE;
    return { isBad: lookups.hitRatio < T.hitRatio.least, value: lookups.hitRatio };
  },
  firing: (value, since) =>
    `The cache's hit ratio is ${percentInWords(value ?? 0)}, below ${percentInWords(T.hitRatio.least)} since ${since}: the database carries reads that the cache should answer; see GET /api/v1/cache for the groups that miss, then their TTLs and what is being invalidated.`,
  resolved: (lasted) =>
    `The cache's hit ratio is no longer below ${percentInWords(T.hitRatio.least)}, or traffic is too low to tell, after ${lasted}.`,
};

const latencyHigh: AlertRule = {
  alert: 'latency_high',
  severity: 'warning',
  threshold: T.latency.mostMs,
  holdMs: T.latency.holdMs,
  calmMs: T.latency.calmMs,
  explainedBy: ['source_unavailable'],
  judge: ({ requests: { answers, p99Ms } }) =>
    answers < T.latency.minimumAnswers ? NOTHING_TO_JUDGE : { isBad: p99Ms > T.latency.mostMs, value: p99Ms },
  firing: (value, since) =>
    `One answer in a hundred takes ${Math.round(value ?? 0)} ms or more, over ${T.latency.mostMs} ms since ${since}: callers notice; Server-Timing of a slow answer names the tier that is slow.`,
  resolved: (lasted) =>
    `99 answers in a hundred take ${T.latency.mostMs} ms or less again, or traffic is too low to tell, after ${lasted}.`,
};

const busUnproven: AlertRule = {
  alert: 'bus_unproven',
  severity: 'warning',
  threshold: null,
  ...T.busUnproven,
  explainedBy: ['redis_unavailable', 'source_unavailable'],
  judge: ({ isL1Suspended }) => ({ isBad: isL1Suspended, value: null }),
  firing: (_, since) =>
    `L1 has not been used since ${since}, because invalidations cannot be shown to arrive although Redis answers: reads are right and slower; look at the pub/sub connection: the right to subscribe, and the output buffer limit of subscribers.`,
  resolved: (lasted) => `Invalidations are shown to arrive again after ${lasted}. L1 is used.`,
};

const relayLate: AlertRule = {
  alert: 'relay_late',
  severity: 'warning',
  threshold: T.relayLag.mostMs,
  holdMs: T.relayLag.holdMs,
  calmMs: T.relayLag.calmMs,
  explainedBy: ['redis_unavailable', 'source_unavailable'],
  judge: ({ relay }) =>
    relay === undefined
      ? NOTHING_TO_JUDGE
      : { isBad: !relay.healthy || (relay.lagMs ?? 0) > T.relayLag.mostMs, value: relay.lagMs ?? null },
  firing: (value, since) =>
    `Changes made past the service ${value === null ? 'have not been relayed' : `wait ${Math.round(value)} ms for their relay, more than ${T.relayLag.mostMs} ms`} since ${since}: the cache may answer what was before them; look at tiercel_outbox in the database, and for outbox_error in the log.`,
  resolved: (lasted) => `Changes made past the service are relayed in time again after ${lasted}.`,
};

const redisMemoryHigh: AlertRule = {
  alert: 'redis_memory_high',
  severity: 'warning',
  threshold: T.redisMemory.most,
  holdMs: T.redisMemory.holdMs,
  calmMs: T.redisMemory.calmMs,
  explainedBy: ['redis_unavailable'],
  judge({ redisMemory, isEvicting }) {
    // Nothing is near a limit that is not there.
    if (redisMemory === undefined || !(redisMemory.limitBytes > 0)) return NOTHING_TO_JUDGE;
    const value = redisMemory.usedBytes / redisMemory.limitBytes;
    // A cache that may drop any key is full all its life; what it has to drop is news.
    const isFullByDesign = redisMemory.evictionPolicy.startsWith('allkeys') && !isEvicting;
    return { isBad: value >= T.redisMemory.most && !isFullByDesign, value };
  },
  firing: (value, since) =>
    `Redis uses ${percentInWords(value ?? 0)} of its memory limit, ${percentInWords(T.redisMemory.most)} or more since ${since}: it evicts what is still good, or refuses writes under noeviction; raise maxmemory or shorten TTLs.`,
  resolved: (lasted) =>
    `Redis uses less than ${percentInWords(T.redisMemory.most)} of its memory limit again after ${lasted}.`,
};

/** All rules; those that explain others come before them. */
export const ALERT_RULES: readonly AlertRule[] = [
  redisUnavailable,
  sourceUnavailable,
  hitRatioLow,
  latencyHigh,
  busUnproven,
  relayLate,
  redisMemoryHigh,
];
