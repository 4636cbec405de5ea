/** What the service promises of itself: targets of its statistics, bounds of its health and its alerts. */
export const GOALS = Object.freeze({
  hitRate: 0.9,
  l1ReadMs: 1,
  relayLagMs: 5_000,
  /** Every read, with Redis or without. */
  answerMs: 500,
});
