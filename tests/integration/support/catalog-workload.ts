import { SeededRandom } from '../../../src/testing/seeded-random.ts';
import type { ServiceProcess } from '../../support/service-process.ts';
import { bomPath, platePath, productPath } from './catalog-requests.ts';

const ORGS = 10;
/** How uneven interest is: the tenth on the list is wanted about a sixth as often as the first. */
const EXPONENT = 0.8;

/** One answer of the workload. */
export interface WorkloadAnswer {
  readonly at: number;
  readonly status: number;
  readonly tier: string | null;
}

/** What users read of the sample catalog: lists and products above all, few things often and many seldom. */
export class CatalogWorkload implements AsyncDisposable {
  readonly answers: WorkloadAnswer[] = [];
  readonly #random: SeededRandom;
  readonly #services: readonly ServiceProcess[];
  readonly #everyMs: number;
  #running: Promise<void>[] = [];
  #isStopped = false;

  /** @param perSecond Requests to each of the services. */
  constructor(services: readonly ServiceProcess[], perSecond: number, seed = 1) {
    this.#services = services;
    this.#everyMs = 1_000 / perSecond;
    this.#random = new SeededRandom(seed);
  }

  start(): void {
    this.#running = this.#services.map((service) => this.#read(service));
  }

  async stop(): Promise<void> {
    this.#isStopped = true;
    await Promise.all(this.#running);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop();
  }

  /** Of the answers of a span, the share that a cache gave; NaN of none. */
  hitRatio(from: number, to: number): number {
    const given = this.answers.filter(({ at }) => at >= from && at < to);
    return given.filter(({ tier }) => tier === 'l1' || tier === 'l2').length / given.length;
  }

  /** An open loop: a slow answer holds nobody else up. */
  async #read(service: ServiceProcess): Promise<void> {
    const underWay = new Set<Promise<void>>();
    for (let due = performance.now(); !this.#isStopped; due += this.#everyMs) {
      await Bun.sleep(Math.max(due - performance.now(), 0));
      const reading = this.#readOne(service).finally(() => underWay.delete(reading));
      underWay.add(reading);
    }
    await Promise.all(underWay);
  }

  async #readOne(service: ServiceProcess): Promise<void> {
    const answer = await service.fetch(this.#path());
    await answer.arrayBuffer();
    this.answers.push({
      at: performance.now(),
      status: answer.status,
      tier: answer.headers.get('x-cache-tier'),
    });
  }

  #path(): string {
    const kind = this.#random.next();
    const org = this.#rank(ORGS);
    if (kind < 0.3) return `/api/v1/orgs/${org}/products`;
    if (kind < 0.7) return productPath(this.#rank(1_000));
    if (kind < 0.9) return bomPath(this.#rank(500));
    if (kind < 0.95) return `/api/v1/orgs/${org}/dashboard`;
    return platePath(this.#rank(2_000));
  }

  /** From 1 to `most`, the smaller the likelier. */
  #rank(most: number): number {
    const share = this.#random.next() * (most ** (1 - EXPONENT) - 1) + 1;
    return Math.min(most, Math.floor(share ** (1 / (1 - EXPONENT))));
  }
}
