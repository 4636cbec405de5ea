import type { SeededRandom } from '../../src/testing/seeded-random.ts';
import { until } from '../../src/testing/until.ts';
import type { ImposedFault } from '../support/proxy-fault.ts';
import { isBus, isData } from '../support/redis-wire.ts';
import { ROWS } from './catalog.ts';
import type { Checker } from './checker.ts';
import { isWell, writeRow } from './client.ts';
import { type Fleet, healFleet } from './fleet.ts';

/** What a fault may lay its hands on. */
export interface Ground {
  readonly fleet: Fleet;
  readonly checker: Checker;
  readonly random: SeededRandom;
}

/** Something that goes wrong. Resolves once it has been put right again, as far as that is in anybody's hands. */
export interface Fault {
  readonly name: string;
  readonly group: 'bus' | 'data' | 'redis' | 'process';
  inject(ground: Ground): Promise<void>;
}

const JUNK = 'x'.repeat(64 * 1_024);
/** From the end of a fault until everything is in use again. */
const RECOVERY_MS = 10_000;
/** 60 MB. */
const MOST_JUNK = 960;

export const FAULTS: readonly Fault[] = [
  { name: 'bus killed', group: 'bus', inject: ({ fleet }) => killSubscribers(fleet) },
  { name: 'bus killed every 300 ms', group: 'bus', inject: (ground) => killAgainAndAgain(ground, 3_000) },
  { name: 'bus overflowing', group: 'bus', inject: overflow },
  { name: 'bus black-holed, then everything at once', group: 'bus', inject: (ground) => silence(ground, isBus, false) },
  { name: 'bus black-holed for good', group: 'bus', inject: (ground) => silence(ground, isBus, true) },
  { name: 'data black-holed', group: 'data', inject: (ground) => silence(ground, isData, ground.random.chance(0.5)) },
  { name: 'data reset', group: 'data', inject: reset },
  { name: 'data slow', group: 'data', inject: slow },
  { name: 'Redis killed, back empty', group: 'redis', inject: restartEmpty },
  { name: 'Redis killed, back with an old RDB', group: 'redis', inject: restartOld },
  { name: 'Redis stopped for 1 s', group: 'redis', inject: (ground) => stop(ground, 1_000) },
  { name: 'Redis stopped for 5 s', group: 'redis', inject: (ground) => stop(ground, 5_000) },
  { name: 'FLUSHALL', group: 'redis', inject: ({ fleet }) => flush(fleet) },
  { name: 'a service stopped', group: 'process', inject: stopService },
];

/** Injects a fault into a fleet that is well, and sees to it that the fault does not outlast itself. */
export async function injectFault(fault: Fault, ground: Ground): Promise<void> {
  const areWell = async (): Promise<boolean> => (await Promise.all(ground.fleet.members.map(isWell))).every(Boolean);
  await until(areWell, { what: 'everybody to be well again', within: RECOVERY_MS, every: 50 });
  ground.checker.note(fault.name);
  try {
    await fault.inject(ground);
  } finally {
    await healFleet(ground.fleet);
    ground.checker.note(`${fault.name}: over`);
  }
}

/** The faults in random order, each as often as the others. */
export function* shuffled(faults: readonly Fault[], random: SeededRandom): Generator<Fault> {
  for (;;) {
    const deck = faults.map((fault) => ({ fault, rank: random.next() })).sort((one, other) => one.rank - other.rank);
    for (const { fault } of deck) yield fault;
  }
}

/** Drops every subscription from the server's side. */
export async function killSubscribers({ admin }: Fleet): Promise<void> {
  await admin.call('CLIENT', 'KILL', 'TYPE', 'pubsub');
}

/** The same every 300 ms for so long. */
export async function killAgainAndAgain({ fleet }: Pick<Ground, 'fleet'>, ms: number): Promise<void> {
  const end = performance.now() + ms;
  while (performance.now() < end) {
    await killSubscribers(fleet);
    await lasting(300);
  }
}

/** Saves, has everything change many times over, and brings back what was saved. */
export async function restartOld({ fleet, checker, random }: Ground): Promise<void> {
  await fleet.admin.save();
  const writes = Array.from({ length: 100 }, (_, index) => ROWS[index % ROWS.length] ?? random.pick(ROWS));
  for (const row of writes) await writeRow(random.pick(fleet.members), row, checker);
  await fleet.redis.kill();
  await lasting(random.between(0, 1_000));
  await fleet.redis.restart({ keepData: true });
}

async function restartEmpty({ fleet, random }: Ground): Promise<void> {
  await fleet.redis.kill();
  await lasting(random.between(0, 2_000));
  await fleet.redis.restart();
}

async function stop({ fleet }: Ground, ms: number): Promise<void> {
  fleet.redis.pause();
  await lasting(ms);
  fleet.redis.resume();
}

async function flush({ admin }: Fleet): Promise<void> {
  await admin.flushall();
}

async function stopService({ fleet, random }: Ground): Promise<void> {
  const { service } = random.pick(fleet.members);
  service.pause();
  await lasting(random.between(500, 3_000));
  service.resume();
}

/** Neither side hears of the other; what was said meanwhile arrives late, or, with `cut`, never. */
async function silence({ fleet, random }: Ground, where: typeof isBus, cut: boolean): Promise<void> {
  const { link } = random.pick(fleet.members);
  const hole = link.impose({ hold: true }, { where });
  await lasting(random.between(500, 4_000));
  if (cut) link.resetConnections(where);
  hole.lift();
}

async function reset({ fleet, random }: Ground): Promise<void> {
  random.pick(fleet.members).link.resetConnections(isData);
}

async function slow({ fleet, random }: Ground): Promise<void> {
  const slowed = fleet.members.map(
    ({ link }): ImposedFault => link.impose({ latency: 100, jitter: 50 }, { where: isData }),
  );
  await lasting(random.between(1_000, 4_000));
  for (const fault of slowed) fault.lift();
}

/** A subscriber reads nothing while more and more is published, until Redis gives it up. */
async function overflow({ fleet, random }: Ground): Promise<void> {
  const { admin, namespace, members } = fleet;
  const subscribers = async (): Promise<string> => String(await admin.call('CLIENT', 'LIST', 'TYPE', 'pubsub'));
  const before = await until(
    async () => (await subscribers()).trim().split('\n').length === members.length && subscribers(),
    {
      what: 'all to be subscribed',
    },
  );
  const ids = [...before.matchAll(/^id=(\d+)/gm)].map(([, id]) => `id=${id} `);
  const full = random.pick(members).link.impose({ hold: true }, { where: isBus, direction: 'toClient' });
  for (let count = 0; count < MOST_JUNK; count += 1) {
    await admin.publish(`{${namespace}.0}:bus:0`, JUNK);
    if (count % 10 !== 0) continue;
    const now = await subscribers();
    if (ids.some((id) => !now.includes(id))) break;
  }
  full.lift();
}

/** How long a fault lasts is a part of what it is. */
function lasting(ms: number): Promise<void> {
  return Bun.sleep(ms);
}
