import type { MemoryBus, MemoryOutbox, MemoryRemoteTier } from '../../src/adapters/memory/index.ts';
import type { PendingInvalidations, PendingOrder } from '../../src/core/pending.ts';
import type { CacheView, TieredCache } from '../../src/index.ts';
import type { ChaosBus } from '../../src/testing/chaos/bus.ts';
import type { WriteRecord } from './history.ts';
import type { Key } from './keys.ts';
import type { Host } from './virtual-time.ts';

/** One process of the fleet, from its start to its end. */
export interface Instance {
  readonly name: string;
  /** Where in the fleet it is; its successor will be there too. */
  readonly place: number;
  readonly host: Host;
  readonly cache: TieredCache;
  readonly tier: MemoryRemoteTier;
  /** Its connection to the bus, and what the process hears of it. */
  readonly subscription: MemoryBus;
  readonly bus: ChaosBus;
  readonly debts: Debts;
  /** Where the world has one. */
  readonly outbox: MemoryOutbox | undefined;
}

/** The namespace of a key, as one instance sees it. */
export function viewOf({ cache }: Instance, { path }: Key): CacheView {
  let view: CacheView = cache;
  for (const name of path) view = view.namespace(name);
  return view;
}

/** Which writes wait for which pending invalidation of one process. */
export class Debts {
  readonly #writes = new Map<PendingOrder, readonly WriteRecord[]>();
  readonly #now: () => number;
  #latest: PendingOrder | undefined;

  constructor(now: () => number) {
    this.#now = now;
  }

  /** Makes an order with `call`, on which these writes wait. */
  during<T>(writes: readonly WriteRecord[], call: () => T): T {
    this.#latest = undefined;
    const result = call();
    if (this.#latest !== undefined) this.#writes.set(this.#latest, writes);
    return result;
  }

  /** The class, with this to tell of what is added and settled. */
  watch(pending: typeof PendingInvalidations): typeof PendingInvalidations {
    const added = (order: PendingOrder): void => {
      this.#latest = order;
    };
    const settled = (order: PendingOrder): void => this.#settle(order);
    return class extends pending {
      override add(...given: Parameters<PendingInvalidations['add']>): PendingOrder {
        const order = super.add(...given);
        added(order);
        return order;
      }

      override settle(order: PendingOrder): void {
        super.settle(order);
        settled(order);
      }
    };
  }

  #settle(order: PendingOrder): void {
    for (const write of this.#writes.get(order) ?? []) write.deliveredAt ??= this.#now();
    this.#writes.delete(order);
  }
}
