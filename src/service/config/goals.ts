/** The targets of the service's statistics, and the bounds of its health and its alerts. */
export const GOALS = Object.freeze({
  hitRate: 0.9,
  l1ReadMs: 1,
  relayLagMs: 5_000,
  /** Every read answers within this time, with Redis or without. */
  answerMs: 500,
});
