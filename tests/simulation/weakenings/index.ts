import { DEBTS } from './debts.ts';
import { FILLS } from './fills.ts';
import { FLIGHTS } from './flights.ts';
import { HISTORY } from './history.ts';
import { OUTBOX } from './outbox.ts';
import { PROOF } from './proof.ts';
import { SETS } from './sets.ts';
import { TAGS } from './tags.ts';
import { VERSIONS } from './versions.ts';
import type { Weakened } from './weakening.ts';

/**
 * Each takes one rule of the protocol away. The simulator must notice every one of them: a check that cannot fail proves
 * nothing.
 */
export const WEAKENINGS: Readonly<Record<string, Weakened>> = {
  ...FLIGHTS,
  ...PROOF,
  ...HISTORY,
  ...FILLS,
  ...DEBTS,
  ...OUTBOX,
  ...SETS,
  ...VERSIONS,
  ...TAGS,
};
