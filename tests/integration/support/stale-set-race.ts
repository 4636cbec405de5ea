import type { AnswerHolder } from './held-answers.ts';

/** A cache over the catalog's products with two instances, so that the same race can be run against any. */
export interface Contestant {
  /** The name of a product by the instance whose answers from PostgreSQL can be held. */
  readHeld(id: number): Promise<string>;
  /** The same by the other instance. */
  readFree(id: number): Promise<string>;
  /** Changes a name by the other instance; resolves once it has invalidated. */
  write(id: number, name: string): Promise<void>;
  /** What Redis holds of the product; `undefined` for nothing. */
  inRedis(id: number): Promise<string | undefined>;
}

/** The name of a product before its race, and after. */
export const nameBefore = (id: number): string => `Before ${id}`;
export const nameAfter = (id: number): string => `After ${id}`;

/** Who still has the old name when the race is over. */
export interface RaceResult {
  readonly id: number;
  readonly stale: readonly ('held' | 'free' | 'redis')[];
}

/**
 * Runs the race for one cold product: one instance loads it, and its answer is held; the other changes the row and
 * invalidates; then the answer arrives, and the first instance stores, or does not.
 *
 * @param refill Whether the other instance reads the new value into the cache before the old answer arrives.
 */
export async function runRace(
  contestant: Contestant,
  holder: AnswerHolder,
  id: number,
  refill: boolean,
): Promise<RaceResult> {
  const held = holder.hold();
  const slow = contestant.readHeld(id);
  try {
    await held.contain(nameBefore(id));
    await contestant.write(id, nameAfter(id));
    if (refill) await contestant.readFree(id);
  } finally {
    held.release();
  }
  await slow;

  const storedByTheRace = await contestant.inRedis(id);
  // Twice: the first read may fill an L1, which is to be right as well.
  const byHeld = [await contestant.readHeld(id), await contestant.readHeld(id)];
  const byFree = [await contestant.readFree(id), await contestant.readFree(id)];
  const storedInTheEnd = await contestant.inRedis(id);

  const stale: RaceResult['stale'][number][] = [];
  const isNew = (name: string) => name === nameAfter(id);
  if (!byHeld.every(isNew)) stale.push('held');
  if (!byFree.every(isNew)) stale.push('free');
  if (storedByTheRace?.includes(nameBefore(id)) || !storedInTheEnd?.includes(nameAfter(id))) stale.push('redis');
  return { id, stale };
}
