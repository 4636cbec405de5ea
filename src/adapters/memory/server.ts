import { RemoteError } from '../../core/ports/remote-tier.ts';
import { type Clock, systemClock } from '../../core/primitives/clock.ts';
import { MemoryBus } from './bus.ts';
import type { MemorySnapshot } from './contents.ts';
import { MemoryDatabase } from './database.ts';
import type { Run, Schedule, ServerLink } from './link.ts';
import type { Shape } from './names.ts';
import { MemoryRemoteTier } from './remote-tier.ts';

/** Everything that a {@link MemoryServer} takes from outside. */
export interface MemoryServerOptions {
  /** Gives the server its time. Default: the system's monotonic clock. */
  readonly clock?: Clock;
  /** Server time at the clock's zero, in milliseconds; unlike 0, so that the two clocks cannot be confused unnoticed. */
  readonly timeOrigin?: number;
  /** Default: the effect at once, the reply in a microtask. */
  readonly schedule?: Schedule;
  /**
   * Decides when the next thing of a connection's stream arrives: being connected, an acknowledged subscription, a
   * message. Each stream keeps its own order whatever order this runs them in. Default `queueMicrotask`.
   */
  readonly deliver?: (run: () => void, connection: string) => void;
  /** The store of the data. Default {@link MemoryDatabase}. */
  readonly database?: typeof MemoryDatabase;
  /** Decides when a connection's owner learns that it is lost: a process that stands learns nothing. Default: at once. */
  readonly interrupt?: (run: () => void, connection: string) => void;
}

/** What a new run begins with: all that there was, nothing, or what there was at an earlier moment. */
export type RestartData =
  | { readonly keepData: boolean }
  /** `epoch`: not a new run, but one that was there before: a server that was a replica meanwhile is promoted again. */
  | { readonly from: MemorySnapshot; readonly epoch?: string };

/**
 * The Redis side in this process: records with expiry, counter, generations, tags, claims and channels, shared by as
 * many connections as are made. It has no timers and draws no random numbers: with a fixed clock and scheduler one
 * sequence of calls gives one history.
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
  /** Servers that the address does not lead to at present, by name; they run on. */
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

  /** Names the present (or, while stopped, the last) run: 16 hexadecimal digits. */
  get epoch(): string {
    return this.#last.epoch;
  }

  /** At its memory limit: fills, writes, claims and new leases fail with `full`; reads and invalidations go on. */
  get full(): boolean {
    return this.#last.database.full;
  }

  set full(full: boolean) {
    this.#last.database.full = full;
  }

  /** Milliseconds of the server's clock. */
  time(): number {
    return this.#timeOrigin + this.#clock.now();
  }

  /** A new L2 connection. `name` begins what the scheduler is told. */
  remoteTier(name = `l2-${++this.#made}`): MemoryRemoteTier {
    const tier = new MemoryRemoteTier(this, name);
    this.#connections.add(tier);
    return tier;
  }

  /** A new bus connection. */
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

  /** Ends the run: every connection to it is lost, and none comes back until {@link restart}. */
  stop(): void {
    this.#isStopped = true;
    this.#lose(this.#last);
  }

  /** The data of this moment, for a later {@link restart}. */
  snapshot(): MemorySnapshot {
    return this.#last.database.snapshot();
  }

  /** A new run with a new epoch, here or on another server that takes over; connections not cut by hand come back. */
  restart(data: RestartData): void {
    if (!this.#isStopped) this.stop();
    const kept = 'from' in data ? data.from : data.keepData ? this.#last.database.snapshot() : undefined;
    this.#last = this.#newRun(kept, 'from' in data ? data.epoch : undefined);
    this.#isStopped = false;
    this.#reconnect();
  }

  /**
   * The network splits: the connections named go on with the present run, everybody else loses it, and finds another one
   * after {@link restart}. A split that lasts already ends first.
   */
  isolate(reaches: (connection: string) => boolean): void {
    this.rejoin();
    if (this.#isStopped) return;
    this.#isolated = { run: this.#last, reaches };
    this.#isStopped = true;
    this.#lose(this.#last, ({ name }) => !reaches(name));
  }

  /** The isolated run has no replica that acknowledges: it refuses writes (`NOREPLICAS`) and still answers reads. */
  refuseIsolatedWrites(): void {
    if (this.#isolated !== undefined) this.#isolated.run.database.refusesWrites = true;
  }

  /** The split ends: the isolated run is over, and its connections find the present one. */
  rejoin(): void {
    const { run } = this.#isolated ?? {};
    this.#isolated = undefined;
    if (run === undefined) return;
    this.#lose(run);
    this.#reconnect();
  }

  /**
   * The address leads to another server from now on: a new one, or one that it has led to before under this name. Every
   * connection is lost and finds that one. The server of before runs on, and still takes what is on its way to it.
   * @param name The server that the address leads to in the beginning is `first`.
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

  /** SWAPDB: the same run, with what is in its other database; empty at first. */
  swap(): void {
    this.#last.database.swap();
  }

  /** FLUSHALL: the same run, with nothing in it. */
  flush(): void {
    this.#last.database.flush();
  }

  /** Replaces a record by something that no codec reads, whatever the version of the cache. */
  damage(id: string, generation: string): void {
    for (const shape of this.shapes) this.#last.database.damage(shape, id, generation);
  }

  /** Everything that an eviction could take, internal records included, by names for {@link evict}. */
  names(): string[] {
    return this.#last.database.names();
  }

  /** Removes one thing of {@link names}, as a server at its memory limit does, and tells who wants to know. */
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
