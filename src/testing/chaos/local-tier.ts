import type { Entry } from '../../core/model/entry.ts';
import type { EntryId } from '../../core/model/key.ts';
import type { LocalTier } from '../../core/ports/local-tier.ts';
import { type ChaosOptions, type Fault, type FaultScope, Faults } from './faults.ts';

/**
 * Wraps any L1, and makes it forget entries when a test says so. Without faults it behaves as the tier that it wraps.
 * An L1 never fails and may evict any entry at any time, so forgetting is its only fault.
 * @example
 * ```ts
 * import { createCache } from 'tiercel';
 * import { lru } from 'tiercel/lru';
 * import { ChaosLocalTier } from 'tiercel/testing';
 *
 * const l1 = new ChaosLocalTier(lru());
 * const cache = createCache({ l1 });
 * l1.forget({ only: 'get', times: 1 });
 * await cache.getOrSet('product:1', () => 1);
 * ```
 */
export class ChaosLocalTier implements LocalTier {
  readonly #tier: LocalTier;
  readonly #faults: Faults<undefined>;

  constructor(tier: LocalTier, options: ChaosOptions = {}) {
    this.#tier = tier;
    this.#faults = new Faults(options);
  }

  /** Makes the tier forget entries that are asked for (`get`), or refuse entries (`set`). */
  forget(scope?: FaultScope<'get' | 'set'>): Fault {
    return this.#faults.add(undefined, scope);
  }

  /** Lifts every fault. */
  heal(): void {
    this.#faults.heal();
  }

  get(id: EntryId): Entry | undefined {
    if (this.#strikes('get')) this.#tier.delete(id);
    return this.#tier.get(id);
  }

  set(id: EntryId, entry: Entry): void {
    if (this.#strikes('set')) this.#tier.delete(id);
    else this.#tier.set(id, entry);
  }

  delete(id: EntryId): void {
    this.#tier.delete(id);
  }

  clear(): void {
    this.#tier.clear();
  }

  ids(): Iterable<EntryId> {
    return this.#tier.ids();
  }

  usage(): ReturnType<LocalTier['usage']> {
    return this.#tier.usage();
  }

  #strikes(operation: 'get' | 'set'): boolean {
    return this.#faults.strike(operation).length > 0;
  }
}
