import { isCacheError } from '../../../src/index.ts';
import type { History, ReadRecord } from '../history.ts';
import { SourceError } from '../source.ts';
import { MAX_LAG_MS, type World } from '../world.ts';
import { checkCommitted } from './committed.ts';
import { checkFreshness } from './freshness.ts';
import { KnownBy } from './known.ts';
import { checkLoads } from './loads.ts';
import { checkOrder } from './order.ts';
import { checkOwnTime } from './own-time.ts';
import { ms, type Violation } from './violation.ts';
import { checkWindow } from './window.ts';

/** Every invariant over the history of a world, the earliest violation first. Linear in it, but for sorting. */
export function check(world: World): Violation[] {
  const { history, source, setting, serverClock } = world;
  const { writes } = history;
  const reads = history.reads.filter((read) => !isDrowsy(read, history));
  // D is measured by the clocks of the processes.
  const maxLagMs = MAX_LAG_MS * (1 + 2 * setting.skew);
  const knownBy = new KnownBy(history.troubles, setting.pendingWithin ?? Infinity);
  const found = [
    ...[...Map.groupBy(reads, (read) => napMs(read, history, maxLagMs))].flatMap(([unnoticedMs, some]) =>
      checkFreshness(some, writes, maxLagMs + unnoticedMs, knownBy),
    ),
    ...checkWindow(reads, setting.policies, MAX_LAG_MS, serverClock),
    ...checkCommitted(reads, source),
    ...checkOrder(reads, writes, history, maxLagMs, setting.versions),
    ...checkLoads(world),
    ...checkErrors(history),
    ...checkAnswered(history),
    ...checkOwnTime(history, setting.skew),
  ];
  return found.sort((one, other) => one.at - other.at);
}

/** An instance looks at its wall clock so often, and what is asked in between may be answered as if it had not slept. */
const DROWSY_MS = 0.1;

function isDrowsy({ instance, start }: ReadRecord, { wakes }: History): boolean {
  return wakes.some((wake) => wake.instance === instance && start >= wake.at && start <= wake.at + 1.01 * DROWSY_MS);
}

/** A sleep shorter than this is not noticed: a proof is that much older than it seems. */
const UNNOTICED_MS = MAX_LAG_MS / 2;

/** For how long the host of a read has slept unnoticed within D before it. */
function napMs({ instance, start }: ReadRecord, { wakes }: History, maxLagMs: number): number {
  let sum = 0;
  for (const wake of wakes) {
    const isNap = wake.instance === instance && wake.sleptMs <= UNNOTICED_MS;
    if (isNap && wake.at <= start && wake.at >= start - maxLagMs - UNNOTICED_MS) sum += wake.sleptMs;
  }
  return sum;
}

/** A caller only meets the loader's own error, or a load that took too long. */
function checkErrors({ failures }: History): Violation[] {
  return failures.flatMap(({ instance, key, at, error }) => {
    if (error instanceof SourceError || (isCacheError(error) && error.code === 'LOAD_TIMEOUT')) return [];
    return [{ invariant: 'no error', at, message: `${instance} failed for ${key} at ${ms(at)}: ${String(error)}` }];
  });
}

/** Every read is answered: nobody waits for a lease, a flight or a server for ever. */
function checkAnswered({ open, reads }: History): Violation[] {
  const at = reads.at(-1)?.end ?? 0;
  return [...open].map(({ instance, key, start }) => ({
    invariant: 'no hang',
    at,
    message: `${instance} was asked for ${key} at ${ms(start)} and has not answered`,
  }));
}
