import type { SeededRandom } from '../../src/testing/seeded-random.ts';
import { until } from '../../src/testing/until.ts';
import { ROWS, VIEWS, versionsIn } from './catalog.ts';
import type { Checker } from './checker.ts';
import { readView, watchDeliveries, writeRow } from './client.ts';
import type { Fleet, Member } from './fleet.ts';

/** Clients of each member that read all the time. */
const READERS = 3;
/** Between two reads of one client, at random up to this, in milliseconds, unless {@link startWorkload} is told another. */
const READ_PAUSE_MS = 16;
/** The same between two writes, and between two looks at what is delivered. */
const WRITE_PAUSE_MS = 200;
const WATCH_PAUSE_MS = 50;

/** I4: after the last write and the last fault, beside D. */
const QUIET_MS = 1_000;

/** Clients at work. */
export interface Workload {
  /** Ends when what is under way has ended. */
  stop(): Promise<void>;
}

/** Lets clients read and write by every member, until it is told to stop. */
export function startWorkload(
  { members }: Fleet,
  checker: Checker,
  random: SeededRandom,
  readPauseMs = READ_PAUSE_MS,
): Workload {
  const ending = new AbortController();
  const again = async (pauseMs: number, act: () => Promise<void>): Promise<void> => {
    const chance = random.fork();
    while (!ending.signal.aborted) {
      await act();
      await Bun.sleep(chance.between(0, pauseMs));
    }
  };
  const clientsOf = (member: Member): Promise<void>[] => {
    const reads = Array.from({ length: READERS }, () => random.fork()).map((chance) =>
      again(readPauseMs, () => readView(member, chance.pick(VIEWS), checker)),
    );
    const chance = random.fork();
    return [...reads, again(WRITE_PAUSE_MS, () => writeRow(member, chance.pick(ROWS), checker))];
  };
  const clients = members.flatMap(clientsOf);
  const watch = again(WATCH_PAUSE_MS, () => watchDeliveries(members, checker));
  return {
    async stop() {
      ending.abort();
      await Promise.all([...clients, watch]);
    },
  };
}

/**
 * I4: once nobody writes and nothing is broken, everybody soon serves what the database holds. Call it after the
 * workload has stopped.
 */
export async function checkConvergence({ members, sql, maxLagMs }: Fleet, checker: Checker): Promise<void> {
  const settled = async (): Promise<boolean> => {
    await watchDeliveries(members, checker);
    return members.every(({ name }) => !checker.owes(name));
  };
  await until(settled, { what: 'every invalidation to be delivered', within: 10_000, every: 50 });
  await Bun.sleep(QUIET_MS + maxLagMs);
  checker.note('all should agree by now');
  const truth = await versionsIn(sql);
  checker.expectExactly(truth);
  for (const member of members) for (const view of VIEWS) await readView(member, view, checker);
  checker.expectExactly(undefined);
}
