import { unlessAborted } from '../../core/primitives/abort.ts';
import type { TieredCache } from '../../core/tiered-cache.ts';
import type { Params } from '../../resources/params.ts';
import type { Resource } from '../../resources/resource.ts';
import { cachedReading, type ReadingServices } from './cached-read.ts';
import { sumOf, type WarmUpCounts, type WarmUpReason, type WarmUpReport } from './warm-up-report.ts';

/** The most keys of one resource. More keys would not fit into a common L1, and would load the database for long. */
const MOST_PER_RESOURCE = 20_000;

/**
 * The warm-up waits this long for L2 and for the proof of L1. A value that is loaded before may not be stored.
 * Milliseconds.
 */
const READY_WITHIN_MS = 5_000;

const NOTHING_YET: WarmUpCounts = { total: null, done: 0, loaded: 0, fresh: 0, failed: 0 };

/** A resource that lists its parameters to warm. */
export type WarmableResource = Resource & Required<Pick<Resource, 'warm'>>;

/** Tells if the resource lists parameters to warm. */
export function isWarmable(resource: Resource): resource is WarmableResource {
  return resource.warm !== undefined;
}

/** Options of a {@link WarmUp}. */
export interface WarmUpOptions extends ReadingServices {
  readonly cache: Pick<TieredCache, 'warm' | 'ready'>;
  /** The most keys that are loaded at once. */
  readonly concurrency: number;
}

/** Warms some resources once, from the first key to the last. */
export class WarmUp {
  readonly reason: WarmUpReason;
  readonly #resources: readonly WarmableResource[];
  readonly #options: WarmUpOptions;
  readonly #abort = new AbortController();
  readonly #counts: Map<string, WarmUpCounts>;
  readonly #startedAt = new Date().toISOString();
  #finishedAt: string | null = null;
  #state: WarmUpReport['state'] = 'running';
  /** The reason why the warm-up was aborted, and the latest error of a key or a list. */
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

  /** The reason why the warm-up was aborted; `undefined` if it was not. */
  get cause(): string | undefined {
    return this.#cause;
  }

  /** The latest error; `undefined` if none occurred. */
  get error(): unknown {
    return this.#error;
  }

  /** Aborts the warm-up. {@link run} resolves when it has ended. */
  abort(cause: string): void {
    this.#cause ??= cause;
    this.#abort.abort();
  }

  /**
   * Warms every key, until the end or until {@link abort}. Never rejects.
   * @param onProgress Called after each key.
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

  /** Reads all lists before the first key is loaded, so that the report knows the number of keys. */
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

  /** Warms one resource, and resolves with true if it was ended early. */
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
