import { RemoteError } from '../../core/ports/remote-tier.ts';
import { type Clock, systemClock } from '../../core/primitives/clock.ts';
import { MemoryBus } from './bus.ts';
import type { MemorySnapshot } from './contents.ts';
import { MemoryDatabase } from './database.ts';
import type { Run, Schedule, ServerLink } from './link.ts';
import type { Shape } from './names.ts';
import { MemoryRemoteTier } from './remote-tier.ts';

/** Options of a {@link MemoryServer}. */
export interface MemoryServerOptions {
  /** Gives the server its time. Default: the system's monotonic clock. */
  readonly clock?: Clock;
  /**
   * Server time at the clock's zero, in milliseconds. It differs from 0, so that code that confuses both clocks fails.
   */
  readonly timeOrigin?: number;
  /** Decides when calls take effect. Default: the effect comes at once, the reply in a microtask. */
  readonly schedule?: Schedule;
  /**
   * Decides when the next step of a connection's stream arrives: a connection, an acknowledged subscription, or a
   * message. Each stream keeps its own order, in whatever order this runs the steps. Default `queueMicrotask`.
   */
  readonly deliver?: (run: () => void, connection: string) => void;
  /** Class that stores the data. Default {@link MemoryDatabase}. */
  readonly database?: typeof MemoryDatabase;
  /**
   * Decides when a connection's owner learns of its loss. A process that is suspended learns nothing. Default: at once.
   */
  readonly interrupt?: (run: () => void, connection: string) => void;
}

/** The data with which a new run begins: all present data, none, or the data of an earlier moment. */
export type RestartData =
  | { readonly keepData: boolean }
  /** `epoch` names an earlier run that goes on: a server that was a replica meanwhile is promoted again. */
  | { readonly from: MemorySnapshot; readonly epoch?: string };

/**
 * A Redis server in this process: records with expiry, counter, generations, tags, claims and channels. Any number of
 * connections share it. It has no timers and draws no random numbers. With a fixed clock and scheduler, one sequence of
 * calls therefore gives one history.
 * @example
 * const server = new MemoryServer();
 * const cache = createCache({ l1: memoryLocalTier(), l2: server.remoteTier(), bus: server.bus() });
 */
export class MemoryServer implements ServerLink {
  readonly shapes = new Set<Shape>();
  readonly schedule: Schedule;
  readonly deliver: (run: () => void, connection: string) => void;
  readonly interrupt: (run: () => void, connection: string) => void;

  readonly #Database: typeof MemoryDatabase;
  readonly #clock: Clock;
  readonly #timeOrigin: number;
  readonly #connections = new Set<MemoryRemoteTier | MemoryBus>();
  readonly #buses = new Set<MemoryBus>();
  #made = 0;
  #runs = 0;
  /** The present run, or the last one while the server is stopped. */
  #last: Run;
  #isStopped = false;
  /** Servers that the address does not lead to at present, by name. They run on. */
  readonly #elsewhere = new Map<string, Run>();
  #leadsTo = 'first';
  /** A run that only some connections still reach; see {@link isolate}. */
  #isolated: { readonly run: Run; readonly reaches: (connection: string) => boolean } | undefined;

  constructor(options: MemoryServerOptions = {}) {
    this.#Database = options.database ?? MemoryDatabase;
    this.#clock = options.clock ?? systemClock;
    this.#timeOrigin = options.timeOrigin ?? 1_700_000_000_000;
    this.schedule = options.schedule ?? (async (_what, act) => act());
    this.deliver = options.deliver ?? queueMicrotask;
    this.interrupt = options.interrupt ?? ((run) => run());
    this.#last = this.#newRun(undefined);
  }

  /** Names the present run, or the last one while the server is stopped: 16 hexadecimal digits. */
  get epoch(): string {
    return this.#last.epoch;
  }

  /**
   * True while the server is at its memory limit. Fills, writes, claims and new leases fail with `full`; reads and
   * invalidations go on.
   */
  get full(): boolean {
    return this.#last.database.full;
  }

  set full(full: boolean) {
    this.#last.database.full = full;
  }

  /** Returns the server's time in milliseconds. */
  time(): number {
    return this.#timeOrigin + this.#clock.now();
  }

  /** Makes an L2 connection. The operations that the scheduler sees begin with `name`. */
  remoteTier(name = `l2-${++this.#made}`): MemoryRemoteTier {
    const tier = new MemoryRemoteTier(this, name);
    this.#connections.add(tier);
    return tier;
  }

  /** Makes a bus connection. */
  bus(name = `bus-${++this.#made}`): MemoryBus {
    const bus = new MemoryBus(this, name);
    this.#connections.add(bus);
    this.#buses.add(bus);
    return bus;
  }

  reach(connection: string): Run | undefined {
    if (this.#isolated?.reaches(connection)) return this.#isolated.run;
    return this.#isStopped ? undefined : this.#last;
  }

  isUp(run: Run): boolean {
    if (run === this.#isolated?.run || [...this.#elsewhere.values()].includes(run)) return true;
    return run === this.#last && !this.#isStopped;
  }

  /** Ends the run. Every connection to it is lost, and none comes back until {@link restart}. */
  stop(): void {
    this.#isStopped = true;
    this.#lose(this.#last);
  }

  /** Returns the data of this moment, for a later {@link restart}. */
  snapshot(): MemorySnapshot {
    return this.#last.database.snapshot();
  }

  /**
   * Begins a run with a new epoch, here or on another server that takes over. All connections come back, except those
   * cut by {@link MemoryBus.disconnect}.
   */
  restart(data: RestartData): void {
    if (!this.#isStopped) this.stop();
    const kept = 'from' in data ? data.from : data.keepData ? this.#last.database.snapshot() : undefined;
    this.#last = this.#newRun(kept, 'from' in data ? data.epoch : undefined);
    this.#isStopped = false;
    this.#reconnect();
  }

  /**
   * Splits the network. The named connections go on with the present run. All others lose it, and find another one
   * after {@link restart}. A split that lasts already ends first.
   */
  isolate(reaches: (connection: string) => boolean): void {
    this.rejoin();
    if (this.#isStopped) return;
    this.#isolated = { run: this.#last, reaches };
    this.#isStopped = true;
    this.#lose(this.#last, ({ name }) => !reaches(name));
  }

  /** Takes the replicas from the isolated run: it refuses writes (`NOREPLICAS`) and still answers reads. */
  refuseIsolatedWrites(): void {
    if (this.#isolated !== undefined) this.#isolated.run.database.refusesWrites = true;
  }

  /** Ends the split. The isolated run is over, and its connections find the present one. */
  rejoin(): void {
    const { run } = this.#isolated ?? {};
    this.#isolated = undefined;
    if (run === undefined) return;
    this.#lose(run);
    this.#reconnect();
  }

  /**
   * Points the address to another server: a new one, or an earlier one of this name. Every connection is lost and finds
   * that one. The former server runs on, and still takes the calls on their way to it.
   * @param name The first server of the address has the name `first`.
   */
  redirect(name: string): void {
    if (name === this.#leadsTo) return;
    this.rejoin();
    const former = this.#last;
    this.#elsewhere.set(this.#leadsTo, former);
    this.#last = this.#elsewhere.get(name) ?? this.#newRun(undefined);
    this.#elsewhere.delete(name);
    this.#leadsTo = name;
    this.#isStopped = false;
    this.#lose(former);
    this.#reconnect();
  }

  /** Acts as SWAPDB: the run goes on with the contents of its other database, which is empty at first. */
  swap(): void {
    this.#last.database.swap();
  }

  /** Acts as FLUSHALL: the run goes on with no contents. */
  flush(): void {
    this.#last.database.flush();
  }

  /** Replaces a record by a value that no codec reads, in every version of the cache. */
  damage(id: string, generation: string): void {
    for (const shape of this.shapes) this.#last.database.damage(shape, id, generation);
  }

  /** Returns the names of everything that an eviction could take, internal records included, for {@link evict}. */
  names(): string[] {
    return this.#last.database.names();
  }

  /**
   * Removes one of {@link names}, as a server at its memory limit does. It reports an entry to the connections that
   * watch.
   */
  evict(name: string): void {
    const id = this.#last.database.evict(name);
    for (const connection of this.#connections) {
      if (id !== undefined && connection.run === this.#last && 'evicted' in connection) connection.evicted(id);
    }
  }

  #newRun(from: MemorySnapshot | undefined, former?: string): Run {
    this.#runs += 1;
    const epoch = former ?? this.#runs.toString(16).padStart(16, '0');
    const database = new this.#Database(
      {
        time: () => this.time(),
        publish: (channel, message) => {
          for (const bus of this.#buses) bus.receive(run, channel, message);
        },
      },
      epoch,
      from,
    );
    const run: Run = { epoch, database };
    return run;
  }

  #lose(run: Run, which: (connection: MemoryRemoteTier | MemoryBus) => boolean = () => true): void {
    const error = new RemoteError('unavailable', 'The server went away');
    for (const connection of this.#connections) {
      if (connection.run === run && which(connection)) connection.lose(error);
    }
  }

  #reconnect(): void {
    for (const connection of this.#connections) connection.tryConnect();
  }
}
