import type { Entry } from '../../core/model/entry.ts';
import type { EntryId } from '../../core/model/key.ts';
import type { LocalTier } from '../../core/ports/local-tier.ts';
import { type ChaosOptions, type Fault, type FaultScope, Faults } from './faults.ts';

/**
 * Any L1, made to forget: while it is not told to it is the one that was given. An L1 never fails, and may evict whatever
 * it likes whenever it likes; that is the one fault there is.
 */
export class ChaosLocalTier implements LocalTier {
  readonly #tier: LocalTier;
  readonly #faults: Faults<undefined>;

  constructor(tier: LocalTier, options: ChaosOptions = {}) {
    this.#tier = tier;
    this.#faults = new Faults(options);
  }

  /** Entries are gone when they are asked for (`get`), and are not kept (`set`). */
  forget(scope?: FaultScope<'get' | 'set'>): Fault {
    return this.#faults.add(undefined, scope);
  }

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
