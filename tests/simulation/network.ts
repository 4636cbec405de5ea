import type { Schedule } from '../../src/adapters/memory/index.ts';
import { type Chance, nameOf } from './chance.ts';
import type { Host, VirtualTime } from './virtual-time.ts';

/** What a link does with what is sent on it. */
export interface LinkState {
  readonly name: number;
  readonly host: Host | undefined;
  /** Everything on it waits until then: a black hole that ends, or a server that stands still. */
  stalledUntil: number;
  /** Latency of each direction, in milliseconds, drawn between the two. */
  latency: readonly [low: number, high: number];
  /** The last arrival in each direction: a connection keeps its order. */
  lastRequest: number;
  lastReply: number;
}

export const USUAL_LATENCY = [0.1, 3] as const;
/** Of what comes late although nothing has failed; beyond the usual budget of 50 ms, there and back. */
const LATE = [15, 90] as const;

/**
 * The ways between hosts and the server. A connection's name begins with its host's; what is sent on one connection
 * arrives in order, and what is sent on two arrives in any.
 */
export class Network {
  readonly #time: VirtualTime;
  readonly #chance: Chance;
  readonly #lateShare: number;
  readonly #hosts = new Map<string, Host>();
  readonly #links = new Map<string, LinkState>();
  /** The server itself stands still until then (SIGSTOP): requests wait at its door. */
  serverStalledUntil = 0;

  /** @param lateShare How much of what is sent is late for no reason. */
  constructor(time: VirtualTime, chance: Chance, lateShare: number) {
    this.#time = time;
    this.#chance = chance;
    this.#lateShare = lateShare;
  }

  /** Connections whose names begin with the host's belong to it from now on. */
  join(host: Host): void {
    this.#hosts.set(host.name, host);
  }

  link(connection: string): LinkState {
    const known = this.#links.get(connection);
    if (known !== undefined) return known;
    const host = this.#hosts.get(connection.slice(0, connection.indexOf('.')));
    const made: LinkState = {
      name: nameOf(connection),
      host,
      stalledUntil: 0,
      latency: USUAL_LATENCY,
      lastRequest: 0,
      lastReply: 0,
    };
    this.#links.set(connection, made);
    return made;
  }

  /** For the memory server: a call takes effect when it arrives, and its caller learns of it later still. */
  readonly schedule: Schedule = (what, act) => {
    const link = this.link(what.slice(0, what.indexOf(' ')));
    link.lastRequest = Math.max(this.#arrival(link), link.lastRequest);
    return new Promise((resolve, reject) => {
      const settle = (end: () => void): void => {
        link.lastReply = Math.max(this.#arrival(link), link.lastReply);
        this.#time.at(link.lastReply, end, link.host);
      };
      const arrive = (): void => {
        if (this.serverStalledUntil > this.#time.now) {
          this.#time.at(this.serverStalledUntil, arrive);
          return;
        }
        try {
          const value = act();
          settle(() => resolve(value));
        } catch (error) {
          settle(() => reject(error));
        }
      };
      this.#time.at(link.lastRequest, arrive);
    });
  };

  /** For the memory server: the next thing of a connection's stream arrives some time later. */
  readonly deliver = (run: () => void, connection: string): void => {
    const link = this.link(connection);
    link.lastReply = Math.max(this.#arrival(link), link.lastReply);
    this.#time.at(link.lastReply, run, link.host);
  };

  /** For the memory server: a process learns of a lost connection as soon as it is awake. */
  readonly interrupt = (run: () => void, connection: string): void => {
    this.#time.at(this.#time.now, run, this.link(connection).host);
  };

  #arrival({ name, stalledUntil, latency }: LinkState): number {
    const { now } = this.#time;
    const isLate = this.#lateShare > 0 && this.#chance.of(~name, now) < this.#lateShare;
    return Math.max(now, stalledUntil) + this.#chance.between(name, now, isLate ? LATE : latency);
  }
}
