import { SeededRandom } from '../../src/testing/seeded-random.ts';
import type { ServiceProcess } from '../support/service-process.ts';
import { OPERATOR } from './asking.ts';
import { Connection } from './connection.ts';
import { OwnDelay } from './own-delay.ts';
import { type CatalogRequest, nextRequest } from './workload.ts';

/** How many clients there are, and how often all of them together ask. */
export interface CrowdPlan {
  readonly clients: number;
  readonly perSecond: number;
  readonly seed: number;
  /** What a client asks next. Default: what the catalog's users do. */
  readonly next?: (random: SeededRandom) => CatalogRequest;
}

/** One request of the crowd, answered or not. */
export interface CrowdTurn extends Pick<CatalogRequest, 'method' | 'path'> {
  /** 0 when there was none, because the connection failed. */
  readonly status: number;
  readonly tier: string | undefined;
  /** Moments of `performance.now()`. */
  readonly began: number;
  readonly ended: number;
}

/** Opened at once, a thousand connections would not fit into the queue of a listening port. */
const AT_ONCE = 50;

/** Clients of some services at work, by turns on each, every one over a connection that it keeps. */
export class Crowd implements AsyncDisposable {
  readonly #clients: readonly Connection[];
  readonly #pauseMs: number;
  readonly #next: (random: SeededRandom) => CatalogRequest;
  readonly #delay = new OwnDelay();
  readonly #working: Promise<unknown>;
  #turns: CrowdTurn[] = [];
  #isLeaving = false;

  private constructor(clients: readonly Connection[], { perSecond, seed, next = nextRequest }: CrowdPlan) {
    this.#clients = clients;
    this.#pauseMs = (clients.length / perSecond) * 1_000;
    this.#next = next;
    const random = new SeededRandom(seed);
    this.#working = Promise.all(clients.map((client) => this.#work(client, random.fork())));
  }

  /** Resolves once all of them are connected, and have begun. */
  static async gather(services: readonly ServiceProcess[], plan: CrowdPlan): Promise<Crowd> {
    const clients: Connection[] = [];
    while (clients.length < plan.clients) {
      const urls = Array.from({ length: AT_ONCE }, (_, index) => services[index % services.length]?.url ?? '');
      clients.push(...(await Promise.all(urls.map((url) => Connection.open(url)))));
    }
    return new Crowd(clients, plan);
  }

  /** The requests that are sent from now on for so long. Those still under way at the end are added when they end. */
  async during(ms: number): Promise<readonly CrowdTurn[]> {
    const turns: CrowdTurn[] = [];
    this.#turns = turns;
    await Bun.sleep(ms);
    return turns;
  }

  /** Turns that took longer than this, even without the time by which the crowd itself was late. */
  slowerThan(ms: number, turns: readonly CrowdTurn[]): CrowdTurn[] {
    const slow = turns.filter(({ began, ended }) => ended - began > ms);
    return slow.filter(({ began, ended }) => ended - began - this.#delay.between(began, ended) > ms);
  }

  /** Resolves once every request has its answer. */
  async leave(): Promise<void> {
    this.#isLeaving = true;
    await this.#working;
    for (const client of this.#clients) client.close();
    this.#delay[Symbol.dispose]();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.leave();
  }

  async #work(client: Connection, random: SeededRandom): Promise<void> {
    // Not all at once.
    await Bun.sleep(random.between(0, this.#pauseMs));
    while (!this.#isLeaving) {
      const began = performance.now();
      await this.#take(client, this.#next(random), began);
      await Bun.sleep(Math.max(began + random.between(0.5, 1.5) * this.#pauseMs - performance.now(), 0));
    }
  }

  async #take(client: Connection, request: CatalogRequest, began: number): Promise<void> {
    const turns = this.#turns;
    const { status, tier } = await client.send(wireOf(request)).catch(() => ({ status: 0, tier: undefined }));
    const { method, path } = request;
    turns.push({ method, path, status, tier, began, ended: performance.now() });
  }
}

function wireOf({ method, path, body = '' }: CatalogRequest): string {
  const length = body === '' ? '' : `content-type: application/json\r\ncontent-length: ${body.length}\r\n`;
  return `${method} ${path} HTTP/1.1\r\nhost: 127.0.0.1\r\nauthorization: Bearer ${OPERATOR}\r\n${length}\r\n${body}`;
}
