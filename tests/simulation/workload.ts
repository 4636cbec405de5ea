import { type Violation, violations } from './invariants.ts';
import type { SeededRandom } from './seeded-random.ts';
import { type Instance, MAX_LAG_MS, World, type WorldOptions } from './world.ts';

/** One random run. */
export interface RunOptions extends WorldOptions {
  /** Reads and writes together. Default 400. */
  readonly operations?: number;
  /** Without it nothing fails but the timing. Default `true`. */
  readonly faults?: boolean;
}

export interface RunResult {
  readonly violations: readonly Violation[];
  readonly operations: number;
  readonly trace: readonly string[];
}

/** Few keys, so that operations meet. */
const KEYS = ['k0', 'k1', 'k2'];
const WRITE_SHARE = 0.15;
const FAULT_SHARE = 0.02;

/** Reads, writes and faults at random moments on random instances, then quiet, then the checks. */
export function run(options: RunOptions): RunResult {
  const { operations = 400, faults = true } = options;
  const world = new World(options);
  const { random, time, instances, history } = world;
  world.warmUp();
  // Bursts and lulls: operations meet in the one, timers run out in the other.
  const gapMs = random.pick([0.3, 2, 10]);
  let next = time.now;
  for (let done = 0; done < operations; done += 1) {
    next += random.chance(0.01) ? random.between(100, 2_000) : random.between(0, 2 * gapMs);
    time.runUntil(next);
    const instance = random.pick(instances);
    if (faults && random.chance(FAULT_SHARE)) random.pick(FAULTS)(world, instance, random);
    if (random.chance(WRITE_SHARE))
      world.write(instance, random.pick(KEYS), random.pick(['key', 'key', 'key', 'tag', 'pattern', 'clear']));
    else world.read(instance, random.pick(KEYS), random.chance(0.02) ? { forceFresh: true } : {});
  }
  time.runUntil(time.now + 10_000);
  const found = [...violations(history, { maxLagMs: MAX_LAG_MS, oldestFlaggedMs: 60_000 }), ...checkConvergence(world)];
  return { violations: found, operations: history.reads.length + history.writes.length, trace: history.trace };
}

/** I4: some time after the last write and the last fault, every instance serves what the database holds. */
function checkConvergence(world: World): Violation[] {
  const { history, instances, time } = world;
  const before = history.reads.length;
  for (const instance of instances) for (const key of KEYS) world.read(instance, key);
  time.runUntil(time.now + 1_000);
  return history.reads.slice(before).flatMap(({ instance, key, version }) => {
    const expected = world.version(key);
    if (version === expected) return [];
    return [
      {
        invariant: 'I4',
        message: `${instance} serves ${key} = ${version} in the end, the database has ${expected}`,
      } as const,
    ];
  });
}

type Fault = (world: World, instance: Instance, random: SeededRandom) => void;

/** Everything heals by itself after a while: what is checked is what was served meanwhile and afterwards. */
const FAULTS: readonly Fault[] = [
  function processStands({ time }, { host }, random) {
    host.pausedUntil = time.now + random.between(5, 3_000);
  },
  function messagesAreLost(_world, { bus }) {
    bus.loseUndelivered();
  },
  function busIsCut({ time }, { bus }, random) {
    bus.disconnect();
    time.at(time.now + random.between(1, 3_000), () => bus.reconnect());
  },
  function busIsBlackHole({ time, network }, { bus }, random) {
    network.link(bus.name).stalledUntil = time.now + random.between(10, 3_000);
  },
  function dataIsCut({ time }, { tier }, random) {
    tier.disconnect();
    time.at(time.now + random.between(1, 3_000), () => tier.reconnect());
  },
  function dataIsBlackHole({ time, network }, { tier }, random) {
    network.link(tier.name).stalledUntil = time.now + random.between(10, 3_000);
  },
  function dataIsSlow({ time, network }, { tier }, random) {
    const link = network.link(tier.name);
    link.latency = [20, 80];
    time.at(time.now + random.between(100, 2_000), () => {
      link.latency = [0.1, 3];
    });
  },
  function serverStands({ time, network }, _instance, random) {
    network.serverStalledUntil = time.now + random.between(10, 3_000);
  },
  function serverRestarts({ server }, _instance, random) {
    server.restart({ keepData: random.chance(0.5) });
  },
  function serverIsFlushed({ server }) {
    server.flush();
  },
];
