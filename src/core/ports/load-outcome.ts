import type { EntryId } from '../model/key.ts';

/** How a load ended that gave L2 no value: the loader threw or took too long, or its value is not to be stored. */
export type LoadOutcome = 'failed' | 'not-stored';

/**
 * What comes of a refresh claim: it is the caller's, or another instance's. An outcome: the refresh of another instance has
 * just ended without a value for L2, and until that note lapses no claim is granted.
 */
export type ClaimAnswer = 'granted' | 'taken' | LoadOutcome;

/** A note of how a load ended, in the place of the lease or of the refresh claim that it held. */
export interface OutcomeNote {
  readonly id: EntryId;
  readonly generation: string;
  /** In whose place the note is left. */
  readonly of: 'lease' | 'claim';
  /** The token of that lease or claim: the note takes the place of no other one. */
  readonly token: string;
  readonly outcome: LoadOutcome;
  /** How long the note stays, in milliseconds. At least 1. */
  readonly keepFor: number;
}
