import { GOALS } from '../config/goals.ts';

const SECOND = 1_000;
const MINUTE = 60 * SECOND;

/** The limits at which alerts go up and come down. Durations are milliseconds, ratios are from 0 to 1. */
export const ALERT_THRESHOLDS = Object.freeze({
  /** Time between two samples of the counts. */
  sampleMs: 10 * SECOND,
  /** Time between two looks at a condition that is on its way up or down. */
  closerMs: SECOND,
  redisUnavailable: Object.freeze({ holdMs: 0, calmMs: 3 * SECOND }),
  sourceUnavailable: Object.freeze({
    probeMs: 15 * SECOND,
    retryMs: 5 * SECOND,
    holdMs: 10 * SECOND,
    calmMs: 10 * SECOND,
  }),
  hitRatio: Object.freeze({
    least: 0.8,
    /** Below this number a handful of cold keys decides. */
    minimumAnswers: 1_000,
    windowMs: 5 * MINUTE,
    holdMs: MINUTE,
    calmMs: 2 * MINUTE,
  }),
  latency: Object.freeze({
    /**
     * The limit of the 99th percentile, which the service promises even without Redis. A slower answer has another
     * cause.
     */
    mostMs: GOALS.answerMs,
    /** One slow request in a hundred is no percentile yet. */
    minimumAnswers: 500,
    windowMs: MINUTE,
    /** Longer than the window, so that one slow moment has left it by then. */
    holdMs: 90 * SECOND,
    calmMs: MINUTE,
  }),
  busUnproven: Object.freeze({ holdMs: 10 * SECOND, calmMs: 10 * SECOND }),
  /** Held for longer than it takes to find that the database itself is away, which explains the lag. */
  relayLag: Object.freeze({ mostMs: GOALS.relayLagMs, holdMs: 30 * SECOND, calmMs: 30 * SECOND }),
  redisMemory: Object.freeze({ most: 0.9, holdMs: MINUTE, calmMs: MINUTE }),
  /** An alert that goes up again within `withinMs` has to be well for twice as long as before, up to `mostCalmMs`. */
  flapping: Object.freeze({ withinMs: 10 * MINUTE, mostCalmMs: 5 * MINUTE }),
});
