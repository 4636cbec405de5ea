import type { AlertName, Severity } from './alert.ts';
import { percentInWords } from './in-words.ts';
import type { Snapshot } from './snapshot.ts';
import { ALERT_THRESHOLDS } from './thresholds.ts';

/** The judgement of a rule on one snapshot. */
export interface Finding {
  readonly isBad: boolean;
  readonly value: number | null;
}

/** One condition that an operator should know. */
export interface AlertRule {
  readonly alert: AlertName;
  readonly severity: Severity;
  /** The limit of the value; `null` where nothing is measured. */
  readonly threshold: number | null;
  /** The condition must be bad for this long before the alert goes up. */
  readonly holdMs: number;
  /** The condition must be well for this long before the alert comes down. */
  readonly calmMs: number;
  /** Alerts that would cause this one. While one of them lasts, this one is not judged. */
  readonly explainedBy: readonly AlertName[];
  judge(snapshot: Snapshot): Finding;
  /** Writes the condition, its beginning, its effect, and the remedy. */
  firing(value: number | null, since: string): string;
  /** @param lasted The duration of the bad condition, in words. */
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
    `L1 has not been used since ${since}, because this instance cannot prove that invalidations arrive, although Redis answers: reads are right and slower; look at the pub/sub connection: the right to subscribe, and the output buffer limit of subscribers.`,
  resolved: (lasted) => `This instance can prove again after ${lasted} that invalidations arrive. L1 is used.`,
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
    `Changes by other programs ${value === null ? 'have not been relayed' : `wait ${Math.round(value)} ms for the relay, more than ${T.relayLag.mostMs} ms`} since ${since}: the cache may answer with the values from before them; look at tiercel_outbox in the database, and for outbox_error in the log.`,
  resolved: (lasted) => `Changes by other programs are relayed in time again after ${lasted}.`,
};

const redisMemoryHigh: AlertRule = {
  alert: 'redis_memory_high',
  severity: 'warning',
  threshold: T.redisMemory.most,
  holdMs: T.redisMemory.holdMs,
  calmMs: T.redisMemory.calmMs,
  explainedBy: ['redis_unavailable'],
  judge({ redisMemory, isEvicting }) {
    // Without a limit no use of memory is near it.
    if (redisMemory === undefined || !(redisMemory.limitBytes > 0)) return NOTHING_TO_JUDGE;
    const value = redisMemory.usedBytes / redisMemory.limitBytes;
    // A cache that may drop any key is full all its life. Only an eviction is news.
    const isFullByDesign = redisMemory.evictionPolicy.startsWith('allkeys') && !isEvicting;
    return { isBad: value >= T.redisMemory.most && !isFullByDesign, value };
  },
  firing: (value, since) =>
    `Redis uses ${percentInWords(value ?? 0)} of its memory limit, ${percentInWords(T.redisMemory.most)} or more since ${since}: it evicts what is still good, or refuses writes under noeviction; raise maxmemory or shorten TTLs.`,
  resolved: (lasted) =>
    `Redis uses less than ${percentInWords(T.redisMemory.most)} of its memory limit again after ${lasted}.`,
};

/** All rules. Rules that explain others come before them. */
export const ALERT_RULES: readonly AlertRule[] = [
  redisUnavailable,
  sourceUnavailable,
  hitRatioLow,
  latencyHigh,
  busUnproven,
  relayLate,
  redisMemoryHigh,
];
