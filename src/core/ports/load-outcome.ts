import type { EntryId } from '../model/key.ts';

/** The end of a load that gave L2 no value: the loader threw or took too long, or its value is not to be stored. */
export type LoadOutcome = 'failed' | 'not-stored';

/**
 * The answer to a refresh claim: the claim is the caller's, or another instance holds it. An outcome says that the
 * refresh of another instance has just ended without a value for L2. No claim is granted until that note lapses.
 */
export type ClaimAnswer = 'granted' | 'taken' | LoadOutcome;

/** A note of the end of a load. It takes the place of the lease or of the refresh claim that the load held. */
export interface OutcomeNote {
  readonly id: EntryId;
  readonly generation: string;
  /** The record whose place the note takes. */
  readonly of: 'lease' | 'claim';
  /** The token of that lease or claim. The note replaces no other one. */
  readonly token: string;
  readonly outcome: LoadOutcome;
  /** Time for which the note stays, in milliseconds. At least 1. */
  readonly keepFor: number;
}
