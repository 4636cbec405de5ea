import {
  type MemoryDatabase,
  type MemoryOutbox,
  type MemoryOutboxTable,
  type MemoryRemoteTier,
  MemoryServer,
  memoryLocalTier,
  type RestartData,
  type Schedule,
} from '../../src/adapters/memory/index.ts';
import { assembleCache, COLLABORATORS } from '../../src/core/create-cache.ts';
import type { TagRegistry } from '../../src/core/model/tags.ts';
import type { Bus } from '../../src/core/ports/bus.ts';
import type { LocalTier } from '../../src/core/ports/local-tier.ts';
import type { Outbox } from '../../src/core/ports/outbox.ts';
import { RemoteError, type RemoteTier } from '../../src/core/ports/remote-tier.ts';
import type { Clock } from '../../src/core/primitives/clock.ts';
import type { TagKeeper } from '../../src/core/sync/tag-keeper.ts';
import { jsonCodec } from '../../src/core/tiers/json-codec.ts';
import type { CacheEvent } from '../../src/index.ts';
import { ChaosBus } from '../../src/testing/chaos/bus.ts';
import { overriding } from '../../src/testing/chaos/overriding.ts';
import { SeededRandom } from '../../src/testing/seeded-random.ts';
import { Chance } from './chance.ts';
import { cacheVersionOf, History, type Row, storedName } from './history.ts';
import { Debts, type Instance } from './instance.ts';
import { type Key, keyOfId } from './keys.ts';
import { Network } from './network.ts';
import type { Setting } from './plan.ts';
import { outboxOf, watched } from './simulated-outbox.ts';
import { Source } from './source.ts';
import { Host, sleeplessClock, VirtualTime } from './virtual-time.ts';

export type {
  MemoryBus as MemoryBusConnection,
  MemoryRemoteTier as MemoryTier,
} from '../../src/adapters/memory/index.ts';

/** What one instance is made of, besides the classes. */
export interface Wiring {
  readonly l1: LocalTier;
  readonly tier: RemoteTier;
  readonly bus: Bus;
  readonly clock: Clock;
}

/** Parts of the cache that a run may replace by weaker ones. */
export interface Weakening {
  readonly collaborators?: Partial<typeof COLLABORATORS>;
  readonly tier?: (tier: RemoteTier) => RemoteTier;
  readonly bus?: (bus: Bus) => Bus;
  readonly outbox?: (outbox: Outbox, table: MemoryOutboxTable) => Outbox;
  /** What the server holds its data in. */
  readonly database?: typeof MemoryDatabase;
  /** Where several sides of one instance must know of each other. */
  readonly wire?: (wiring: Wiring) => Wiring;
}

/** Longer than the longest wait for a lease and the longest load after it. */
const PATIENCE_MS = 15_000;

/** A note of how a load ended lasts no longer. */
const LONGEST_NOTE_MS = 1_000;

/** The bound D in simulated worlds. */
export const MAX_LAG_MS = 1_500;

/**
 * A fleet of caches over one simulated Redis and one database, in virtual time. Everything random comes from the seed,
 * so a run is its plan.
 */
export class World {
  readonly time = new VirtualTime();
  readonly history = new History();
  readonly network: Network;
  readonly server: MemoryServer;
  readonly source: Source;
  /** Of everybody who is no process of the fleet. */
  readonly psql = new Host('psql');
  readonly setting: Setting;
  /** Who is at each place at present. */
  readonly instances: (Instance | undefined)[];
  /** How far the server's clock is from time, and since when, in the order of time. */
  readonly serverClock: { readonly since: number; readonly offset: number }[] = [{ since: 0, offset: 0 }];
  /** When the last fault will have healed. */
  healedAt = 0;
  /** Until then the server refuses to be swept, as one does whose user may not SCAN. */
  sweepsRefusedUntil = 0;
  /** By connection and entry: told when L2 takes the value that is set there. */
  readonly #onTaken = new Map<string, () => void>();
  readonly #random: SeededRandom;
  readonly #weakening: Weakening;
  readonly #onNote: ((line: string) => void) | undefined;
  #serverOffset = 0;
  #started = 0;

  /** @param onNote Given what happens, a line each; without it no line is made. */
  constructor(seed: number, setting: Setting, weakening: Weakening = {}, onNote?: (line: string) => void) {
    const chance = new Chance(seed);
    this.setting = setting;
    this.#weakening = weakening;
    this.#onNote = onNote;
    this.#random = new SeededRandom(seed);
    this.network = new Network(this.time, chance, setting.lateShare);
    this.source = new Source(this.time, chance, setting.sourceLatency);
    this.server = new MemoryServer({
      clock: sleeplessClock(() => this.time.now + this.#serverOffset),
      schedule: this.#schedule,
      deliver: this.network.deliver,
      interrupt: this.network.interrupt,
      ...(weakening.database && { database: weakening.database }),
    });
    this.server.full = setting.full === true;
    this.instances = [];
    for (let place = 0; place < setting.instances; place += 1) this.start(place);
  }

  /** Lets time pass. */
  runFor(ms: number): void {
    this.time.runUntil(this.time.now + ms);
  }

  /** Lets time pass until every read is answered, or none of those that are left ever will be. */
  runUntilAnswered(): void {
    const until = this.time.now + PATIENCE_MS;
    while (this.history.open.size > 0 && this.time.now < until) this.runFor(50);
  }

  /** Runs something that is no process's after so many milliseconds. */
  readonly after = (ms: number, run: () => void): void => {
    this.time.at(this.time.now + ms, run);
  };

  /** Calls `then` once, at the moment at which L2 takes a value that this instance sets. Answers what ends the wait. */
  whenTaken({ tier }: Instance, { id }: Key, then: () => void): () => void {
    const what = `${tier.name} write ${id}`;
    this.#onTaken.set(what, then);
    return () => void this.#onTaken.delete(what);
  }

  /** Adds to the trace, if there is one. */
  note(line: () => string): void {
    this.#onNote?.(`${this.time.now.toFixed(1).padStart(9)}  ${line()}`);
  }

  /** A caller was rejected. */
  failed({ instance, key }: { readonly instance: string; readonly key: string }, error: unknown): void {
    this.history.failures.push({ instance, key, at: this.time.now, error });
    this.note(() => `${instance} gets an error for ${key}: ${String(error)}`);
  }

  /** A new process at a place: connected to nobody, knowing nothing. */
  start(place: number, deafForMs = 0): Instance {
    this.#started += 1;
    const name = this.#started > this.setting.instances ? `i${place}+${this.#started}` : `i${place}`;
    const host = new Host(name);
    this.network.join(host);
    this.network.link(`${name}.bus`).stalledUntil = this.time.now + deafForMs;
    const tier = this.server.remoteTier(`${name}.data`);
    const subscription = this.server.bus(`${name}.bus`);
    const bus = new ChaosBus(subscription, { clock: this.time.clockOf(host) });
    const debts = new Debts(() => this.time.now);
    const outbox = this.setting.outbox ? outboxOf(this.source, this.time, host) : undefined;
    const cache = this.#assemble(host, tier, bus, debts, outbox);
    const instance = { name, place, host, tier, bus, subscription, debts, outbox, cache };
    this.instances[place] = instance;
    return instance;
  }

  /** Ends a process at this moment, whatever it was doing; its successor starts later, and hears the bus later still. */
  crash(instance: Instance, afterMs: number, deafForMs: number): void {
    if (instance.host.crashed) return;
    instance.host.crashed = true;
    instance.tier.abandon();
    instance.subscription.abandon();
    instance.outbox?.abandon();
    this.instances[instance.place] = undefined;
    for (const load of this.history.loads) {
      if (load.instance === instance.name) load.end = Math.min(load.end, this.time.now);
    }
    for (const read of this.history.open) if (read.instance === instance.name) this.history.open.delete(read);
    this.after(afterMs, () => this.start(instance.place, deafForMs));
  }

  /** Another run of the server. An isolated one takes no write any more by then: so Sentinel has to be configured. */
  restart(data: RestartData): void {
    this.server.refuseIsolatedWrites();
    if ('from' in data) this.history.setbacks.push(this.time.now);
    this.server.restart(data);
  }

  stepServerClock(ms: number): void {
    this.#serverOffset += ms;
    this.serverClock.push({ since: this.time.now, offset: this.#serverOffset });
  }

  #assemble(
    host: Host,
    connection: MemoryRemoteTier,
    subscription: Bus,
    debts: Debts,
    given: MemoryOutbox | undefined,
  ) {
    const { tier = same, bus = same, wire = same, collaborators } = this.#weakening;
    const seen = given && watched(given, host, this.history, this.time);
    const outbox = seen && debts.watchOutbox(this.#weakening.outbox?.(seen, this.source.outbox) ?? seen);
    const version = cacheVersionOf(host.name, this.setting.versions);
    const random = new SeededRandom(this.#random.next() * 2 ** 32);
    const clock = this.time.clockOf(host, random.between(0, 1e6), 1 + random.between(-1, 1) * this.setting.skew);
    const wiring = wire({
      l1: memoryLocalTier(),
      tier: tier(this.#watchFills(connection, version)),
      bus: bus(subscription),
      clock,
    });
    const chosen = { ...COLLABORATORS, ...collaborators };
    return assembleCache(
      {
        name: host.name,
        version,
        l1: wiring.l1,
        l2: wiring.tier,
        bus: wiring.bus,
        outbox,
        clock,
        random,
        maxLag: MAX_LAG_MS,
        breaker: { settleMs: this.setting.settleMs },
        observers: [(event) => this.#observe(host.name, event)],
      },
      {
        ...chosen,
        TagRegistry: eager(chosen.TagRegistry),
        TagKeeper: eagerKeeper(chosen.TagKeeper),
        PendingInvalidations: debts.watch(chosen.PendingInvalidations),
        OutboxRecorder: debts.watchRecorder(chosen.OutboxRecorder),
      },
    );
  }

  /** Who has seen a version in L2, or has stored it there, may expect to find no older one there. */
  #watchFills(tier: RemoteTier, version: string): RemoteTier {
    const stored = (body: string | Uint8Array, generation: string): void => {
      const { value } = jsonCodec.decode(body);
      // An absent row does not say which it is; nothing is older than it.
      if (isRow(value))
        this.history.noteStored(storedName(value.key, value.version, version), generation, this.time.now);
    };
    let told: string | undefined;
    return overriding<RemoteTier>(tier, {
      fill: async (request) => {
        const isStored = await tier.fill(request);
        if (isStored) stored(request.body, request.generation);
        return isStored;
      },
      write: async (request) => {
        const reply = await tier.write(request);
        if (reply.kind === 'done') stored(request.body, request.session.generation);
        return reply;
      },
      leaveOutcome: async (note) => {
        const left = { key: keyOfId(note.id), cache: version, start: this.time.now, end: Infinity };
        this.history.notes.push(left);
        const livesFor = Math.min(note.keepFor, LONGEST_NOTE_MS);
        try {
          await tier.leaveOutcome(note);
        } finally {
          left.end = this.time.now + livesFor;
        }
      },
      sweep: (request) => {
        if (this.time.now >= this.sweepsRefusedUntil) return tier.sweep(request);
        return Promise.reject(new RemoteError('denied', 'NOPERM'));
      },
      heartbeat: async (...given) => {
        const heartbeat = await tier.heartbeat(...given);
        told = heartbeat.generation;
        return heartbeat;
      },
      agreeGeneration: async (epoch, proposal, replaces, after) => {
        const former = replaces ?? told;
        const agreed = await tier.agreeGeneration(epoch, proposal, replaces, after);
        if (former !== undefined && agreed.generation !== former) this.history.noteReplaced(former);
        return agreed;
      },
    });
  }

  readonly #schedule: Schedule = (what, act) =>
    this.network.schedule(what, () => {
      const reply = act();
      if (isTaken(reply)) this.#onTaken.get(what)?.();
      return reply;
    });

  /** What may excuse another load of some key is kept; everything else is for the trace alone. */
  #observe(instance: string, event: CacheEvent): void {
    const { type } = event;
    if (TROUBLES.has(type)) this.history.troubles.push({ instance, start: this.time.now, end: this.time.now });
    if (!UNTOLD.has(type)) this.note(() => `${instance} ${type}`);
  }
}

const TROUBLES = new Set<CacheEvent['type']>([
  'tier_failure',
  'l2_timeout',
  'breaker_transition',
  'epoch_changed',
  'l2_down',
  'l2_up',
]);
const UNTOLD = new Set<CacheEvent['type']>(['lookup', 'load', 'lookup_failed', 'invalidated']);

/** Of what a server answers to a write: whether it was done. */
function isTaken(reply: unknown): boolean {
  return typeof reply === 'object' && reply !== null && 'kind' in reply && reply.kind === 'done';
}

/** A run is too short for tags to be touched as seldom as they are in real life. */
function eager(registry: typeof TagRegistry): typeof TagRegistry {
  return class extends registry {
    constructor(clock: Clock, limit?: number) {
      super(clock, limit, 200);
    }
  };
}

function eagerKeeper(keeper: typeof TagKeeper): typeof TagKeeper {
  return class extends keeper {
    constructor(...[context, l2]: ConstructorParameters<typeof TagKeeper>) {
      super(context, l2, 100);
    }
  };
}

function isRow(value: unknown): value is Row {
  return typeof value === 'object' && value !== null && 'key' in value && 'version' in value;
}

function same<T>(given: T): T {
  return given;
}
