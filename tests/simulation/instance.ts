import type { MemoryBus, MemoryOutbox, MemoryRemoteTier } from '../../src/adapters/memory/index.ts';
import type { PendingInvalidations, PendingOrder } from '../../src/core/state/pending-invalidations.ts';
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

/** Writes, and the pending invalidations on which they wait: those of one call. */
interface Debt {
  readonly writes: readonly WriteRecord[];
  readonly orders: Set<PendingOrder>;
}

/** Which writes wait for which pending invalidations of one process. */
export class Debts {
  readonly #debts = new Map<PendingOrder, Debt>();
  readonly #now: () => number;
  #made = new Set<PendingOrder>();

  constructor(now: () => number) {
    this.#now = now;
  }

  /** Makes orders with `call`, on which these writes wait. */
  during<T>(writes: readonly WriteRecord[], call: () => T): T {
    this.#made = new Set();
    const result = call();
    const debt = { writes, orders: this.#made };
    this.#made = new Set();
    for (const order of debt.orders) this.#debts.set(order, debt);
    return result;
  }

  /** The class, with this to tell of what is added and settled. */
  watch(pending: typeof PendingInvalidations): typeof PendingInvalidations {
    const added = (order: PendingOrder): void => {
      this.#made.add(order);
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
    const debt = this.#debts.get(order);
    if (debt === undefined) return;
    this.#debts.delete(order);
    debt.orders.delete(order);
    if (debt.orders.size === 0) for (const write of debt.writes) write.deliveredAt ??= this.#now();
  }
}
