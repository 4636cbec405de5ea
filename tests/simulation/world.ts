import { MemoryServer, memoryLocalTier } from '../../src/adapters/memory/index.ts';
import { assembleCache, COLLABORATORS } from '../../src/core/assemble.ts';
import type { Bus, RemoteTier } from '../../src/core/ports.ts';
import { InvalidationPendingError, type Loader, type ReadOptions, type TieredCache } from '../../src/index.ts';
import { History, type Row, type WriteRecord } from './history.ts';
import { Network } from './network.ts';
import { SeededRandom } from './seeded-random.ts';
import { Host, VirtualTime } from './virtual-time.ts';

/** Parts of the cache that a run may replace by weaker ones. */
export interface Weakening {
  readonly collaborators?: Partial<typeof COLLABORATORS>;
  readonly tier?: (tier: RemoteTier) => RemoteTier;
  readonly bus?: (bus: Bus) => Bus;
}

export interface WorldOptions {
  readonly seed: number;
  /** Default 3. */
  readonly instances?: number;
  readonly weakening?: Weakening;
  readonly defaults?: ReadOptions;
}

export type MemoryTier = ReturnType<MemoryServer['remoteTier']>;
export type MemoryBusConnection = ReturnType<MemoryServer['bus']>;

/** One process of the fleet. */
export interface Instance {
  readonly name: string;
  readonly host: Host;
  readonly cache: TieredCache;
  readonly tier: MemoryTier;
  readonly bus: MemoryBusConnection;
  /** Writes of this instance that L2 has not been told of. */
  readonly owed: Set<WriteRecord>;
}

/** The bound D in simulated worlds. */
export const MAX_LAG_MS = 1_500;

/**
 * A fleet of caches over one simulated Redis and one database, in virtual time. Everything random comes from the seed,
 * so a run is its seed.
 */
export class World {
  readonly time = new VirtualTime();
  readonly random: SeededRandom;
  readonly history = new History();
  readonly network: Network;
  readonly server: MemoryServer;
  readonly instances: readonly Instance[];
  readonly #rows = new Map<string, number>();
  readonly #defaults: ReadOptions;
  /** Latency of each direction to the database, in milliseconds. */
  databaseLatency: readonly [low: number, high: number] = [0.5, 12];

  constructor({ seed, instances = 3, weakening = {}, defaults = {} }: WorldOptions) {
    this.random = new SeededRandom(seed);
    this.#defaults = defaults;
    const names = Array.from({ length: instances }, (_, index) => `i${index}`);
    const hosts = new Map(names.map((name) => [name, new Host(name)]));
    this.network = new Network(this.time, this.random.fork(), hosts);
    this.server = new MemoryServer({
      clock: { now: () => this.time.now, after: (ms, run) => this.time.at(this.time.now + ms, run) },
      schedule: this.network.schedule,
      deliver: this.network.deliver,
    });
    this.instances = [...hosts.values()].map((host) => this.#start(host, weakening));
  }

  /** Everybody has connected and is proven. */
  warmUp(): void {
    this.time.runUntil(this.time.now + 1_000);
  }

  version(key: string): number {
    return this.#rows.get(key) ?? 0;
  }

  /** A client reads a key on an instance; the outcome goes to the history. */
  read(instance: Instance, key: string, options: ReadOptions<Row> = {}): void {
    const start = this.time.now;
    const tags = [tagOf(key)];
    // A tag may be known before the load, from its value, or from the loader alone.
    const naming = this.random.pick(['before', 'value', 'loader']);
    const loader: Loader<Row> = ({ setTags }) => {
      if (naming === 'loader') setTags(tags);
      return this.#load(instance, key);
    };
    const named = naming === 'before' ? { tags } : naming === 'value' ? { tags: () => tags } : {};
    instance.cache.lookup<Row>(key, loader, { ...named, ...options }).then(
      (lookup) => {
        const end = this.time.now;
        const { version } = lookup.value;
        const flagged = lookup.state === 'stale';
        this.history.reads.push({ kind: 'read', instance: instance.name, key, version, start, end, flagged, lookup });
        this.#note(
          () =>
            `${instance.name} read ${key} = ${version} from ${lookup.tier}${flagged ? ' (stale)' : ''}, asked at ${start.toFixed(1)}`,
        );
      },
      (error: unknown) => this.history.failures.push({ instance: instance.name, key, at: start, error }),
    );
  }

  /** A client writes a row through an instance: commit, then invalidation, by key, tag, pattern or everything. */
  write(instance: Instance, key: string, how: 'key' | 'tag' | 'pattern' | 'clear' = 'key'): void {
    const start = this.time.now;
    this.#atDatabase(instance, () => {
      const version = this.version(key) + 1;
      this.#rows.set(key, version);
      this.#note(() => `${instance.name} commits ${key} = ${version}`);
      return version;
    }).then(
      (version) => {
        const write: WriteRecord = {
          kind: 'write',
          instance: instance.name,
          key,
          version,
          start,
          acknowledgedAt: undefined,
          deliveredAt: undefined,
        };
        this.history.writes.push(write);
        instance.owed.add(write);
        return this.#invalidate(instance, key, how).then(
          () => {
            instance.owed.delete(write);
            write.acknowledgedAt = write.deliveredAt = this.time.now;
            this.#note(() => `${instance.name} has invalidated ${key} (${how}) for ${version}`);
          },
          (error: unknown) => {
            if (!(error instanceof InvalidationPendingError)) throw error;
            write.acknowledgedAt = this.time.now;
            this.#note(() => `${instance.name} owes the invalidation of ${key} (${how}) for ${version}`);
          },
        );
      },
      (error: unknown) => this.history.failures.push({ instance: instance.name, key, at: start, error }),
    );
  }

  #invalidate({ cache }: Instance, key: string, how: 'key' | 'tag' | 'pattern' | 'clear'): Promise<unknown> {
    switch (how) {
      case 'key':
        return cache.delete(key);
      case 'tag':
        return cache.invalidate({ tags: [tagOf(key)] });
      case 'pattern':
        return cache.invalidate({ pattern: `${key.slice(0, 2)}*` });
      case 'clear':
        return cache.clear();
    }
  }

  #load(instance: Instance, key: string): Promise<Row> {
    this.history.loads.push({ instance: instance.name, key, at: this.time.now });
    return this.#atDatabase(instance, () => ({ key, version: this.version(key) }));
  }

  /** The database acts at one moment between the request and the answer. */
  #atDatabase<T>(instance: Instance, act: () => T): Promise<T> {
    const [low, high] = this.databaseLatency;
    return new Promise((resolve) => {
      this.time.at(this.time.now + this.random.between(low, high), () => {
        const result = act();
        this.time.at(this.time.now + this.random.between(low, high), () => resolve(result), instance.host);
      });
    });
  }

  #start(host: Host, { collaborators, tier = same, bus = same }: Weakening): Instance {
    const connection = this.server.remoteTier(`${host.name}.data`);
    const subscription = this.server.bus(`${host.name}.bus`);
    const owed = new Set<WriteRecord>();
    const cache = assembleCache(
      {
        name: host.name,
        l1: memoryLocalTier(),
        l2: tier(connection),
        bus: bus(subscription),
        clock: this.time.clockOf(host, this.random.between(0, 1e6)),
        random: this.random.fork(),
        maxLag: MAX_LAG_MS,
        defaults: { ttl: '20s', l1Ttl: '5s', ...this.#defaults },
        observers: [
          (event) => {
            if (event.type === 'invalidation_delivered') this.#delivered(owed);
            if (event.type !== 'lookup' && event.type !== 'load') this.#note(() => `${host.name} ${event.type}`);
          },
        ],
      },
      { ...COLLABORATORS, ...collaborators },
    );
    return { name: host.name, host, cache, tier: connection, bus: subscription, owed };
  }

  #delivered(owed: Set<WriteRecord>): void {
    for (const write of owed) {
      // One whose own call has not answered yet is not part of what was delivered behind it.
      if (write.acknowledgedAt === undefined) continue;
      write.deliveredAt = this.time.now;
      owed.delete(write);
    }
  }

  #note(line: () => string): void {
    this.history.trace.push(`${this.time.now.toFixed(1).padStart(9)}  ${line()}`);
  }
}

/** The tag of a key; two keys share each. */
export function tagOf(key: string): string {
  return `tag:${Number(key.slice(1)) % 2}`;
}

function same<T>(given: T): T {
  return given;
}
