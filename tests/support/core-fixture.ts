import {
  type MemoryBus,
  MemoryOutbox,
  MemoryOutboxTable,
  type MemoryRemoteTier,
  MemoryServer,
  memoryLocalTier,
  type Schedule,
  type StoredRow,
} from '../../src/adapters/memory/index.ts';
import type { CacheOptions } from '../../src/core/cache-options.ts';
import { assembleCache, COLLABORATORS } from '../../src/core/create-cache.ts';
import type { LocalTier } from '../../src/core/ports/local-tier.ts';
import type { CacheEvent, TieredCache, TierFailure } from '../../src/index.ts';
import { type ChaosRemoteTier, chaosRemoteTier } from '../../src/testing/index.ts';
import { SeededRandom } from '../../src/testing/seeded-random.ts';
import { Host, sleeplessClock, VirtualTime } from '../simulation/virtual-time.ts';
import type { Weakening, Wiring } from '../simulation/world.ts';
import { type Gate, Gates, type Stage } from './gates.ts';
import { watch } from './watch.ts';

/** Calls for which no caller waits. */
const UPKEEP = new Set(['heartbeat', 'info', 'sweepOthers']);

/** One way, in milliseconds: a round trip takes twice as long. */
const ONE_WAY_MS = 0.5;
/** What has not ended after this long in virtual time never will. */
const PATIENCE_MS = 60_000;

export interface FleetOptions
  extends Pick<
    CacheOptions,
    | 'version'
    | 'maxValueBytes'
    | 'freeze'
    | 'codec'
    | 'validate'
    | 'breaker'
    | 'maxLoads'
    | 'source'
    | 'onError'
    | 'tracer'
    | 'maxLag'
  > {
  /** Default 1. */
  readonly instances?: number;
  /** Which tiers there are beside L1. Default both. */
  readonly tiers?: 'l1' | 'l1+l2' | 'l1+l2+bus';
  /** Defaults of every call; here without jitter unless it is given. */
  readonly defaults?: CacheOptions['defaults'];
  /** Parts of the cache that are replaced by weaker or failing ones. */
  readonly weakening?: Weakening;
  /** Whether there is a database whose changes are written down; see {@link Fleet.database}. */
  readonly outbox?: boolean;
  /** Changes the options of a member of that number, after all else has been put together. */
  readonly remake?: (options: CacheOptions, member: number) => CacheOptions;
  readonly seed?: number;
  /** Whether everybody is connected and proven before the test begins. Default `true`. */
  readonly warm?: boolean;
}

/** One call to L2, as the server was told of it. */
export interface Call {
  readonly at: number;
  readonly operation: string;
  readonly names: string;
}

/** One process of the fleet, and what can be seen of it from outside. */
export interface Member {
  readonly name: string;
  readonly cache: TieredCache;
  readonly host: Host;
  readonly l1: LocalTier;
  /** The connection to L2, and what the cache has of it: with faults, where the test sets some. */
  readonly tier: MemoryRemoteTier;
  readonly l2: ChaosRemoteTier;
  readonly bus: MemoryBus;
  /** Where the fleet has one. */
  readonly outbox: MemoryOutbox | undefined;
  readonly events: CacheEvent[];
  readonly failures: TierFailure[];
  /** Calls to L2 that somebody waits for, in order: neither heartbeats nor looks at its state. */
  readonly calls: Call[];
}

/**
 * Caches over one memory server in virtual time, where a test holds a request, a reply or a message and lets it go.
 * Nothing here waits: time moves when the test says so, and one test is one order of events.
 */
export class Fleet {
  readonly time = new VirtualTime();
  readonly server: MemoryServer;
  readonly members: Member[] = [];
  /** The outbox of the database that all share. */
  readonly database = new MemoryOutboxTable({ clock: this.time.clockOf(new Host('database')) });
  readonly #gates = new Gates();
  readonly #calls = new Map<string, Call[]>();
  readonly #random: SeededRandom;
  #serverOffsetMs = 0;

  constructor(options: FleetOptions = {}) {
    const { instances = 1, seed = 1, warm = true, weakening = {} } = options;
    this.#random = new SeededRandom(seed);
    this.server = new MemoryServer({
      clock: sleeplessClock(() => this.time.now + this.#serverOffsetMs),
      schedule: this.#schedule,
      deliver: (run, connection) =>
        this.time.at(this.time.now + ONE_WAY_MS, () => this.#gates.pass('message', connection, run)),
      ...(weakening.database && { database: weakening.database }),
    });
    for (let index = 0; index < instances; index += 1) this.#start(options);
    if (warm) this.#warmUp();
  }

  /** Another member, made with other options. */
  join(options: Omit<FleetOptions, 'instances' | 'seed' | 'warm'>): Member {
    const member = this.#start(options);
    this.#warmUp();
    return member;
  }

  /** The member of that number; the first unless said otherwise. */
  member(index = 0): Member {
    const member = this.members[index];
    if (member === undefined) throw new Error(`There is no member ${index}`);
    return member;
  }

  /** The cache of {@link member}. */
  cache(index = 0): TieredCache {
    return this.member(index).cache;
  }

  /** Holds what matches at that stage; see {@link Gates.hold}. */
  hold(stage: Stage, what: string): Gate {
    return this.#gates.hold(stage, what);
  }

  /** Sets the server's clock forward, or back. */
  stepServerClock(ms: number): void {
    this.#serverOffsetMs += ms;
  }

  /** Rows of the database that have not reached everybody. */
  undelivered(): StoredRow[] {
    return this.database.beyond(0).filter(({ deliveredAt }) => deliveredAt === undefined);
  }

  /** Lets time pass, and everything happen that is due in it. */
  run(ms: number): void {
    this.time.runUntil(this.time.now + ms);
  }

  /** Lets time pass until the promise has settled; answers its value or throws its error. */
  settle<T>(promise: Promise<T>): T {
    const watched = watch(promise);
    const deadline = this.time.now + PATIENCE_MS;
    for (this.run(0); watched.state === 'pending'; this.run(ONE_WAY_MS)) {
      if (this.time.now > deadline) throw new Error(`Not settled after ${PATIENCE_MS} ms`);
    }
    return watched.value();
  }

  /** The error with which the promise rejects. */
  failure(promise: Promise<unknown>): unknown {
    const caught = promise.then(
      (value) => ({ value }),
      (error: unknown) => ({ error }),
    );
    const outcome = this.settle(caught);
    if ('error' in outcome) return outcome.error;
    throw new Error(`Expected a rejection; got ${Bun.inspect(outcome.value)}`);
  }

  readonly #schedule: Schedule = (what, act) => {
    const [connection = '', operation = '', ...names] = what.split(' ');
    if (!UPKEEP.has(operation) && connection.endsWith('.data'))
      this.#calls.get(connection)?.push({ at: this.time.now, operation, names: names.join(' ') });
    const after = (stage: Stage, then: () => void): void => {
      this.time.at(this.time.now + ONE_WAY_MS, () => this.#gates.pass(stage, what, then));
    };
    return new Promise((resolve, reject) => {
      after('request', () => {
        try {
          const value = act();
          after('reply', () => resolve(value));
        } catch (error) {
          after('reply', () => reject(error));
        }
      });
    });
  };

  /** Everybody connects and is proven; what that took is no part of the test. */
  #warmUp(): void {
    this.run(1_000);
    for (const { events, calls } of this.members) {
      events.length = 0;
      calls.length = 0;
    }
  }

  #start(options: FleetOptions): Member {
    const { tiers = 'l1+l2+bus', outbox: hasOutbox, weakening = {}, defaults, remake = same, ...rest } = options;
    const { instances: _, seed: __, warm: ___, ...given } = rest;
    const name = `i${this.members.length}`;
    const host = new Host(name);
    const tier = this.server.remoteTier(`${name}.data`);
    const bus = this.server.bus(`${name}.bus`);
    const outbox = hasOutbox ? new MemoryOutbox(this.database, name, this.#schedule) : undefined;
    const watched = outbox && (weakening.outbox?.(outbox, this.database) ?? outbox);
    const { wire = (wiring: Wiring) => wiring } = weakening;
    const wiring = wire({
      l1: memoryLocalTier(),
      tier: weakening.tier?.(tier) ?? tier,
      bus: weakening.bus?.(bus) ?? bus,
      clock: this.time.clockOf(host, this.#random.between(0, 1e6)),
    });
    const { l1, clock } = wiring;
    const l2 = chaosRemoteTier(wiring.tier, { clock });
    const events: CacheEvent[] = [];
    const failures: TierFailure[] = [];
    const calls: Call[] = [];
    this.#calls.set(tier.name, calls);
    const made: CacheOptions = {
      name,
      l1,
      ...(tiers !== 'l1' && { l2 }),
      ...(tiers === 'l1+l2+bus' && { bus: wiring.bus }),
      outbox: watched,
      clock,
      random: this.#random.fork(),
      onError: (failure) => failures.push(failure),
      observers: [(event) => events.push(event)],
      ...given,
      defaults: { jitter: 0, ...defaults },
    };
    const collaborators = { ...COLLABORATORS, ...weakening.collaborators };
    const cache = assembleCache(remake(made, this.members.length), collaborators);
    const member = { name, cache, host, l1, tier, l2, bus, outbox, events, failures, calls };
    this.members.push(member);
    return member;
  }
}

function same(options: CacheOptions): CacheOptions {
  return options;
}

/** Moments at which a member sent something to L2: what is sent in one moment travels together. */
export function roundTrips({ calls }: Member): number {
  return new Set(calls.map(({ at }) => at)).size;
}
