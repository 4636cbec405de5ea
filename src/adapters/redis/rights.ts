import type { Buffer } from 'node:buffer';
import type { ClaimAnswer, OutcomeNote } from '../../core/ports/load-outcome.ts';
import { systemRandom } from '../../core/primitives/clock.ts';
import type { Connections } from './connection/connections.ts';
import { SCRIPTS } from './protocol/scripts.ts';
import { claimAnswerOf, leasePrefix, leaseRecord, stay } from './protocol/stored-record.ts';

/** A lease or a refresh claim: its key, and the token of its holder. Both have one form. */
export interface Right {
  readonly key: string;
  readonly token: string;
}

/** Gives a right back if it is still the holder's. */
export async function releaseRight(connections: Connections, { key, token }: Right): Promise<void> {
  await connections.run(SCRIPTS.release, [key], [leasePrefix(token)]);
}

/** Extends a right if it is still the holder's; says whether it did. */
export async function renewRight(connections: Connections, { key, token }: Right, leaseMs: number): Promise<boolean> {
  return (await connections.run(SCRIPTS.renew, [key], [leasePrefix(token), Math.ceil(leaseMs)])) === 1;
}

/** Takes a refresh claim unless another instance has it. */
export async function takeClaim(
  connections: Connections,
  { key, token }: Right,
  leaseMs: number,
): Promise<ClaimAnswer> {
  const held = await connections.send<Buffer | null>((pipeline) =>
    pipeline.setBuffer(key, leaseRecord(token), 'PX', Math.ceil(leaseMs), 'NX', 'GET'),
  );
  return claimAnswerOf(held);
}

/** Puts a note of how its load ended in the place of a right, if that is still the holder's. */
export async function noteOutcome(
  connections: Connections,
  { key, token }: Right,
  { outcome, keepFor }: Pick<OutcomeNote, 'outcome' | 'keepFor'>,
): Promise<void> {
  await connections.run(SCRIPTS.outcome, [key], [leasePrefix(token), systemRandom.token(), outcome, stay(keepFor)]);
}
