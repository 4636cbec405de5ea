/** The ways in which a read is answered: by L1, by L2, or by the source. */
export type ReadKind = 'l1' | 'l2' | 'miss';

/** Names the variable that tells `one-read.ts` its {@link ReadKind}. */
export const READ_KIND = 'READ_KIND';

/** Reads of one run. Lines that ran much less often belong to the set-up. */
export const READS = 60;
