/**
 * Keys that one step of `RemoteTier.sweepOthers` looks at, or removes. A script holds up the whole server while it
 * runs.
 */
export const KEYS_PER_STEP = 500;

/** The right to sweep lapses this long after the last step of its holder. */
export const CLAIM_MS = 60_000;
