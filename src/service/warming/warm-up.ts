import { unlessAborted } from '../../core/primitives/abort.ts';
import type { TieredCache } from '../../core/tiered-cache.ts';
import type { Params } from '../../resources/params.ts';
import type { Resource } from '../../resources/resource.ts';
import type { Services } from '../routes/dependencies.ts';
import { cachedReading } from './cached-read.ts';
import { sumOf, type WarmUpCounts, type WarmUpReason, type WarmUpReport } from './warm-up-report.ts';

/** Keys of one resource. More would not stay in a common L1, and keep the database busy for long. */
const MOST_PER_RESOURCE = 20_000;

/** How long it is waited for L2 and the proof of L1: what is loaded before may not be kept. */
const READY_WITHIN_MS = 5_000;

const NOTHING_YET: WarmUpCounts = { total: null, done: 0, loaded: 0, fresh: 0, failed: 0 };

/** A resource that says what of it is worth warming. */
export type WarmableResource = Resource & Required<Pick<Resource, 'warm'>>;

/** Whether there is anything to warm of a resource. */
export function isWarmable(resource: Resource): resource is WarmableResource {
  return resource.warm !== undefined;
}

/** What a {@link WarmUp} works with. */
export interface WarmUpOptions extends Pick<Services, 'sql' | 'ttlMs'> {
  readonly cache: Pick<TieredCache, 'warm' | 'ready'>;
  /** Keys at once. */
  readonly concurrency: number;
}

/** One warm-up of some resources, from its beginning to its end. */
export class WarmUp {
  readonly reason: WarmUpReason;
  readonly #resources: readonly WarmableResource[];
  readonly #options: WarmUpOptions;
  readonly #abort = new AbortController();
  readonly #counts: Map<string, WarmUpCounts>;
  readonly #startedAt = new Date().toISOString();
  #finishedAt: string | null = null;
  #state: WarmUpReport['state'] = 'running';
  /** Why it was ended, and what a key or a list has failed with last. */
  #cause: string | undefined;
  #error: unknown;

  constructor(reason: WarmUpReason, resources: readonly WarmableResource[], options: WarmUpOptions) {
    this.reason = reason;
    this.#resources = resources;
    this.#options = options;
    this.#counts = new Map(resources.map(({ name }) => [name, NOTHING_YET]));
  }

  get report(): WarmUpReport {
    return {
      state: this.#state,
      reason: this.reason,
      startedAt: this.#startedAt,
      finishedAt: this.#finishedAt,
      ...sumOf([...this.#counts.values()]),
      byResource: Object.fromEntries(this.#counts),
    };
  }

  /** Why it was aborted, if it was. */
  get cause(): string | undefined {
    return this.#cause;
  }

  /** Of what failed last, if anything has. */
  get error(): unknown {
    return this.#error;
  }

  /** Ends it soon; {@link run} resolves when it has ended. */
  abort(cause: string): void {
    this.#cause ??= cause;
    this.#abort.abort();
  }

  /**
   * Goes through it, to the end or to {@link abort}. Never rejects.
   * @param onProgress Told after each key.
   */
  async run(onProgress: () => void): Promise<void> {
    const { signal } = this.#abort;
    try {
      await unlessAborted(this.#options.cache.ready(READY_WITHIN_MS), signal);
      const lists = await this.#lists(signal);
      let isCut = false;
      for (const [resource, list] of lists) isCut ||= await this.#warm(resource, list, onProgress);
      this.#state = isCut ? 'aborted' : 'done';
    } catch (error) {
      this.#state = signal.aborted ? 'aborted' : 'failed';
      if (!signal.aborted) this.#error = error;
    }
    this.#finishedAt = new Date().toISOString();
  }

  /** All of them before the first key is loaded, so that it can be said how much there is to do. */
  async #lists(signal: AbortSignal): Promise<Map<WarmableResource, readonly Params[]>> {
    const { sql } = this.#options;
    const lists = new Map<WarmableResource, readonly Params[]>();
    for (const resource of this.#resources) {
      const list = await unlessAborted(resource.warm({ sql, limit: MOST_PER_RESOURCE, signal }), signal);
      lists.set(resource, list.slice(0, MOST_PER_RESOURCE));
      this.#counts.set(resource.name, { ...NOTHING_YET, total: Math.min(list.length, MOST_PER_RESOURCE) });
    }
    return lists;
  }

  /** Resolves with whether it was ended early. */
  async #warm(resource: WarmableResource, list: readonly Params[], onProgress: () => void): Promise<boolean> {
    const { cache, concurrency } = this.#options;
    const readingOf = cachedReading(resource, this.#options);
    const total = list.length;
    const { aborted, error } = await cache.warm(readings(list, readingOf), {
      concurrency,
      signal: this.#abort.signal,
      onProgress: (counts) => {
        this.#counts.set(resource.name, { total, ...counts });
        onProgress();
      },
    });
    this.#error = error ?? this.#error;
    return aborted;
  }
}

function* readings<Reading>(list: readonly Params[], of: (params: Params) => Reading): Generator<Reading> {
  for (const params of list) yield of(params);
}
