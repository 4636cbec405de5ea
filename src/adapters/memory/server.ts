import { type Clock, systemClock } from '../../core/clock.ts';
import type { BusMessage } from '../../core/invalidation.ts';
import { RemoteError } from '../../core/ports.ts';
import { MemoryBus } from './bus.ts';
import { MemoryDatabase } from './database.ts';
import type { Run, Schedule, ServerLink } from './link.ts';
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
}

/**
 * The Redis side in this process: records with expiry, counter, generations, tags, claims and channels, shared by as
 * many connections as are made. It has no timers and draws no random numbers: with a fixed clock and scheduler one
 * sequence of calls gives one history.
 */
export class MemoryServer implements ServerLink {
  readonly schedule: Schedule;
  readonly deliver: (run: () => void, connection: string) => void;

  readonly #clock: Clock;
  readonly #timeOrigin: number;
  readonly #database: MemoryDatabase;
  readonly #tiers: MemoryRemoteTier[] = [];
  readonly #buses: MemoryBus[] = [];
  #runs = 1;
  #run: Run | undefined;

  constructor(options: MemoryServerOptions = {}) {
    this.#clock = options.clock ?? systemClock;
    this.#timeOrigin = options.timeOrigin ?? 1_700_000_000_000;
    this.schedule = options.schedule ?? (async (_what, act) => act());
    this.deliver = options.deliver ?? queueMicrotask;
    this.#database = new MemoryDatabase(this, epochOf(this.#runs));
    this.#run = { epoch: this.#database.epoch };
  }

  /** Names the present (or, while stopped, the last) run: 16 hexadecimal digits. */
  get epoch(): string {
    return this.#database.epoch;
  }

  /** The run that answers now; `undefined` while stopped. */
  get run(): Run | undefined {
    return this.#run;
  }

  /** At its memory limit: fills, writes, claims and new leases fail with `full`; reads and invalidations go on. */
  get full(): boolean {
    return this.#database.full;
  }

  set full(full: boolean) {
    this.#database.full = full;
  }

  /** Milliseconds of the server's clock. */
  time(): number {
    return this.#timeOrigin + this.#clock.now();
  }

  /** A new L2 connection. `name` begins what the scheduler is told. */
  remoteTier(name = `l2-${this.#tiers.length + 1}`): MemoryRemoteTier {
    const tier = new MemoryRemoteTier(this, this.#database, name);
    this.#tiers.push(tier);
    return tier;
  }

  /** A new bus connection. */
  bus(name = `bus-${this.#buses.length + 1}`): MemoryBus {
    const bus = new MemoryBus(this, name);
    this.#buses.push(bus);
    return bus;
  }

  /** Ends the run: every connection is lost, and none comes back until {@link restart}. */
  stop(): void {
    this.#run = undefined;
    const error = new RemoteError('unavailable', 'The server went away');
    for (const connection of [...this.#tiers, ...this.#buses]) connection.lose(error);
  }

  /**
   * A new run with a new epoch; connections that were not cut by hand come back.
   * @param keepData Whether the data survives, counter and generations included, as from a snapshot.
   */
  restart({ keepData }: { readonly keepData: boolean }): void {
    this.stop();
    if (!keepData) this.#database.flush();
    this.#database.epoch = epochOf(++this.#runs);
    this.#run = { epoch: this.#database.epoch };
    for (const connection of [...this.#tiers, ...this.#buses]) connection.tryConnect();
  }

  /** FLUSHALL: the same run, with nothing in it. */
  flush(): void {
    this.#database.flush();
  }

  /** Replaces a record by something that no codec reads. */
  damage(id: string, generation: string): void {
    this.#database.damage(id, generation);
  }

  /** Hands a message to every subscriber of a channel. */
  publish(channel: string, message: BusMessage): void {
    for (const bus of this.#buses) bus.receive(channel, message);
  }
}

function epochOf(run: number): string {
  return run.toString(16).padStart(16, '0');
}
