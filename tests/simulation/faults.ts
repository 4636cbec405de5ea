import { BUS_CHANNEL } from '../../src/adapters/memory/names.ts';
import type { Instance } from './instance.ts';
import { USUAL_LATENCY } from './network.ts';
import type { Fault } from './plan.ts';
import type { World } from './world.ts';

type Injure = (world: World, instance: Instance, fault: Pick<Fault, 'ms' | 'draw'>) => void;

/** Everything heals by itself after a while: what is checked is what was served meanwhile and afterwards. */
export const FAULTS = {
  /** Garbage collection, a blocked event loop, SIGSTOP. */
  'process stands': ({ time, history }, { host }, { ms }) => {
    host.pausedUntil = Math.max(host.pausedUntil, time.now + ms);
    history.pauses.push({ instance: host.name, start: time.now, end: host.pausedUntil });
  },

  /**
   * A frozen function, a laptop that is shut: the process stands, and its monotonic clock with it. What was sent to it may be
   * waiting when it wakes, or its connections are gone.
   */
  'host sleeps': ({ time, history, after }, { name, host, subscription }, { ms, draw }) => {
    const wakesAt = host.sleep(time.now, ms);
    history.wakes.push({ instance: name, at: wakesAt, sleptMs: ms });
    history.pauses.push({ instance: name, start: time.now, end: wakesAt });
    if (draw < 0.5) return;
    subscription.disconnect();
    after(ms + 200 * draw, () => subscription.reconnect());
  },

  /** At whatever it was awaiting. What it owed to L2 goes with it; its successor may have to wait for its subscription. */
  'process crashes': (world, instance, { ms, draw }) => {
    world.crash(instance, ms, 1_000 * draw);
  },

  /** A subscriber's buffer overruns: nobody is told. */
  'messages are lost': (_world, { bus }, { ms }) => {
    bus.lose({ lasts: ms });
  },

  'messages come twice': (_world, { bus }, { ms }) => {
    bus.duplicate({ lasts: ms });
  },

  /**
   * Somebody publishes what nobody has ordered, two hundred times a second: numbers that do not follow each other, now and then
   * of an epoch that there never was. It may be too much for a subscriber's buffer in the end.
   */
  'bus is flooded': ({ after, instances }, { bus }, { ms, draw }) => {
    if (draw % 0.5 < 0.3) after(ms / 3, () => void bus.lose({ lasts: ms }));
    for (let at = 0; at < ms; at += FORGED_EVERY_MS) {
      after(at, () => {
        for (const each of instances) forge(each, at, draw < 0.5);
      });
    }
  },

  'bus is cut': ({ after }, { subscription }, { ms }) => {
    subscription.disconnect();
    after(ms, () => subscription.reconnect());
  },

  'bus is a black hole': ({ time, network }, { subscription }, { ms }) => {
    network.link(subscription.name).stalledUntil = time.now + ms;
  },

  'data is cut': ({ after }, { tier }, { ms }) => {
    tier.disconnect();
    after(ms, () => tier.reconnect());
  },

  'data is a black hole': ({ time, network }, { tier }, { ms }) => {
    network.link(tier.name).stalledUntil = time.now + ms;
  },

  /** Replies come after their budget is over. */
  'data is slow': ({ after, network }, { tier }, { ms, draw }) => {
    const link = network.link(tier.name);
    link.latency = [5 + 15 * draw, 10 + 70 * draw];
    after(ms, () => {
      link.latency = USUAL_LATENCY;
    });
  },

  /** The process is alive and reaches nobody but the database. */
  'process is isolated': ({ time, network }, { subscription, tier }, { ms }) => {
    for (const name of [subscription.name, tier.name]) network.link(name).stalledUntil = time.now + ms;
  },

  /** The way to the server is gone for the whole fleet; it is found again by one after another. The server runs on. */
  'everybody is cut off': ({ after, instances }, _instance, { ms }) => {
    for (const each of instances) {
      each?.tier.disconnect();
      each?.subscription.disconnect();
      after(ms + 100 * (each?.place ?? 0), () => {
        each?.tier.reconnect();
        each?.subscription.reconnect();
      });
    }
  },

  'server stands': ({ time, network }, _instance, { ms }) => {
    network.serverStalledUntil = time.now + ms;
  },

  'server restarts': (world, _instance, { draw }) => {
    world.restart({ keepData: draw < 0.5 });
  },

  'server is down': (world, _instance, { ms, draw }) => {
    world.server.stop();
    world.after(ms, () => world.restart({ keepData: draw < 0.5 }));
  },

  /** From the last time it was saved: values, leases and tags that were ended since are there again, and the counter. */
  'server restarts from before': (world, _instance, { ms }) => {
    const before = world.server.snapshot();
    world.after(ms, () => world.restart({ from: before }));
  },

  /** The replica that is promoted has not received what was written lately; meanwhile nobody answers. */
  'server fails over': (world, _instance, { ms, draw }) => {
    const replica = world.server.snapshot();
    world.after(ms * draw, () => world.server.stop());
    world.after(ms, () => world.restart({ from: replica }));
  },

  /**
   * Some are cut off together with the old master, the others find the promoted one. The old one takes writes for
   * `min-replicas-max-lag`, then refuses them; nothing is promoted before, as it should be configured. Its publications
   * and plain reads go on until the network is whole again.
   */
  'network splits': (world, { tier, subscription }, { ms, draw }) => {
    const { server } = world;
    const replica = server.snapshot();
    const minority = new Set([tier.name, subscription.name]);
    server.isolate((connection) => minority.has(connection));
    const graceMs = ms * draw * 0.5;
    world.after(graceMs, () => world.restart({ from: replica }));
    world.after(graceMs + ms, () => server.rejoin());
  },

  /** A proxy with a backup server, or an address that is moved: the server of before runs on, and answers again later. */
  'address leads elsewhere': ({ server, after, time, history }, _instance, { ms, draw }) => {
    server.redirect(draw < 0.7 ? 'second' : 'third');
    after(ms, () => server.redirect('first'));
    history.exchanges.push(time.now, time.now + ms);
  },

  /** SWAPDB, and once more to swap them back. */
  'databases are swapped': ({ server, after, time, history }, _instance, { ms }) => {
    server.swap();
    after(ms, () => server.swap());
    history.exchanges.push(time.now, time.now + ms);
  },

  'server is flushed': ({ server }) => {
    server.flush();
  },

  /** Any one thing under `allkeys-lru`: a value, a lease, a tag, the generation, the counter. */
  'record is evicted': ({ server }, _instance, { draw }) => {
    const names = server.names();
    const name = names[Math.floor(draw * names.length)];
    if (name !== undefined) server.evict(name);
  },

  'server is full': ({ server, after }, _instance, { ms }) => {
    server.full = true;
    after(ms, () => {
      server.full = false;
    });
  },

  /** The user of the cache may not SCAN for a while. */
  'sweeps are refused': (world, _instance, { ms }) => {
    world.sweepsRefusedUntil = world.time.now + ms;
  },

  /** Redis's TIME jumps, as when somebody sets the date: by less than a TTL, or by far more. */
  'server clock steps': (world, _instance, { ms, draw }) => {
    const isFar = draw % 0.5 < 0.2;
    world.stepServerClock((draw < 0.5 ? -ms : ms) * (isFar ? 200 : 1));
  },

  /** Every session is at an end, and with it the lead; nobody is told. */
  'database drops sessions': ({ source }) => {
    source.outbox.dropSessions();
  },

  /** Orders without a change of a row cannot be written down, or the answer is lost. */
  'outbox fails to write': ({ time, source }, _instance, { ms }) => {
    source.recording = { until: time.now + ms, fails: true, byMs: 0 };
  },

  /** A disk that is busy: such statements are under way for a second or two. */
  'outbox is slow to write': ({ time, source }, _instance, { ms, draw }) => {
    source.recording = { until: time.now + ms, fails: false, byMs: 2_000 * draw };
  },

  'source fails': ({ time, source }, _instance, { ms }) => {
    source.failingUntil = time.now + ms;
  },

  /** For one process: its loads outlive leases and, some of them, the hard timeout. */
  'source is slow': ({ time, source }, { host }, { ms, draw }) => {
    source.slow(host, time.now + ms, 4_000 * draw * draw);
  },
} as const satisfies Record<string, Injure>;

export type FaultName = keyof typeof FAULTS;

const FORGED_EVERY_MS = 5;

/** Numbers of true messages begin at the server's time in microseconds, so no forged one stands in the place of a lost one. */
function forge(instance: Instance | undefined, number: number, isOfOtherEpoch: boolean): void {
  const run = instance?.subscription.run;
  if (instance === undefined || run === undefined) return;
  instance.subscription.receive(run, BUS_CHANNEL, {
    kind: 'invalidation',
    epoch: isOfOtherEpoch ? 'f'.repeat(16) : run.epoch,
    sequence: 1 + 2 * number,
    origin: 'nobody',
    mode: 'delete',
    targets: { ids: ['forged'], tags: [] },
  });
}

/** The bus alone: whoever reads L2 meets nothing of it. */
const OF_THE_BUS = new Set<FaultName>([
  'messages are lost',
  'messages come twice',
  'bus is cut',
  'bus is a black hole',
]);

/** No fault lasts longer than so much more than it says: the split, with its grace. */
const LONGEST_SHARE = 1.5;
/** And so much more: one that has just started may not hear the bus at first. */
const LONGEST_AFTERMATH_MS = 1_000;

/** Lets a fault happen, and notes what it may excuse and when it is over. */
export function injure(world: World, instance: Instance, fault: Fault): void {
  const { now } = world.time;
  const end = now + fault.ms * LONGEST_SHARE + LONGEST_AFTERMATH_MS;
  world.healedAt = Math.max(world.healedAt, end);
  // Who is cut off may hold leases for which all others wait in vain.
  if (!OF_THE_BUS.has(fault.fault)) world.history.troubles.push({ instance: undefined, start: now, end });
  FAULTS[fault.fault](world, instance, fault);
}
