import { keyNamed } from '../keys.ts';
import type { Readers } from '../readers.ts';
import { MAX_LAG_MS, type World } from '../world.ts';
import { describeRead, type Violation } from './violation.ts';

/** After the last fault, beside D. */
const QUIET_MS = 1_000;

/**
 * I4: some time after the last write and the last fault, every process serves what the database holds, and so does one
 * that has just started and knows L2 alone. Versions that a process committed and did not live to make known are missing
 * at most until the TTL, where no outbox holds them: nobody else knows of them.
 */
export function checkConvergence(world: World, readers: Readers): Violation[] {
  const { history, source, setting, instances, time } = world;
  world.start(setting.instances);
  time.runUntil(Math.max(world.healedAt, time.now) + QUIET_MS + MAX_LAG_MS);
  world.runUntilAnswered();
  const before = history.reads.length;
  for (const instance of instances) {
    if (instance === undefined) continue;
    for (const key of setting.keys) readers.read(instance, keyNamed(key), { naming: 'before' });
  }
  world.runUntilAnswered();
  const known = new Map<string, number>();
  for (const { key, version, deliveredAt, recorded } of history.writes)
    if (recorded || deliveredAt !== undefined) known.set(key, Math.max(version, known.get(key) ?? 0));
  return history.reads.slice(before).flatMap((read) => {
    // A flagged one may be a value that was expired, and says so.
    if (read.flagged) return [];
    const expected = source.version(read.key);
    if (read.version === expected || (read.version < expected && read.version >= (known.get(read.key) ?? 0))) return [];
    return [{ invariant: 'I4', at: read.end, message: `${describeRead(read)} in the end; the last is ${expected}` }];
  });
}
