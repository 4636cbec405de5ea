import type { Schedule } from '../../src/adapters/memory/index.ts';
import type { SeededRandom } from './seeded-random.ts';
import type { Host, VirtualTime } from './virtual-time.ts';

/** What a link does with what is sent on it. */
export interface LinkState {
  /** Everything on it waits until then: a black hole that ends, or a server that stands still. */
  stalledUntil: number;
  /** Latency of each direction, in milliseconds, drawn between the two. */
  latency: readonly [low: number, high: number];
  /** The last arrival in each direction: a connection keeps its order. */
  lastRequest: number;
  lastReply: number;
}

/**
 * The ways between hosts and the server. A connection's name begins with its host's; what is sent on one connection
 * arrives in order, and what is sent on two arrives in any.
 */
export class Network {
  readonly #time: VirtualTime;
  readonly #random: SeededRandom;
  readonly #hosts: ReadonlyMap<string, Host>;
  readonly #links = new Map<string, LinkState>();
  /** The server itself stands still until then (SIGSTOP): requests wait at its door. */
  serverStalledUntil = 0;

  constructor(time: VirtualTime, random: SeededRandom, hosts: ReadonlyMap<string, Host>) {
    this.#time = time;
    this.#random = random;
    this.#hosts = hosts;
  }

  link(connection: string): LinkState {
    const known = this.#links.get(connection);
    if (known !== undefined) return known;
    const made: LinkState = { stalledUntil: 0, latency: [0.1, 3], lastRequest: 0, lastReply: 0 };
    this.#links.set(connection, made);
    return made;
  }

  /** For the memory server: a call takes effect when it arrives, and its caller learns of it later still. */
  readonly schedule: Schedule = (what, act) => {
    const connection = what.slice(0, what.indexOf(' '));
    const link = this.link(connection);
    const host = this.#hostOf(connection);
    link.lastRequest = Math.max(this.#arrival(link), link.lastRequest);
    return new Promise((resolve, reject) => {
      const settle = (end: () => void): void => {
        link.lastReply = Math.max(this.#arrival(link), link.lastReply);
        this.#time.at(link.lastReply, end, host);
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
    this.#time.at(link.lastReply, run, this.#hostOf(connection));
  };

  #arrival(link: LinkState): number {
    const [low, high] = link.latency;
    return Math.max(this.#time.now, link.stalledUntil) + this.#random.between(low, high);
  }

  #hostOf(connection: string): Host | undefined {
    return this.#hosts.get(connection.slice(0, connection.indexOf('.')));
  }
}
