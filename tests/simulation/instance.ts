import type { MemoryBus, MemoryOutbox, MemoryRemoteTier } from '../../src/adapters/memory/index.ts';
import type { Targets } from '../../src/core/model/invalidation.ts';
import type { Outbox } from '../../src/core/ports/outbox.ts';
import type { OutboxRecorder, RecordOrder } from '../../src/core/state/outbox-recorder.ts';
import type { PendingInvalidations, PendingOrder } from '../../src/core/state/pending-invalidations.ts';
import type { CacheView, TieredCache } from '../../src/index.ts';
import type { ChaosBus } from '../../src/testing/chaos/bus.ts';
import { overriding } from '../../src/testing/chaos/overriding.ts';
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

/** What L2 or the outbox is yet to take: a pending invalidation, or the targets of an order for the outbox. */
type Token = PendingOrder | Targets;

/** Writes, and what they wait for: what one call has made. */
interface Debt {
  readonly writes: readonly WriteRecord[];
  readonly tokens: Set<Token>;
}

/** Which writes wait for which orders of one process. */
export class Debts {
  readonly #debts = new Map<Token, Debt>();
  readonly #now: () => number;
  #made = new Set<Token>();

  constructor(now: () => number) {
    this.#now = now;
  }

  /** Makes orders with `call`, on which these writes wait. */
  during<T>(writes: readonly WriteRecord[], call: () => T): T {
    this.#made = new Set();
    const result = call();
    const debt = { writes, tokens: this.#made };
    this.#made = new Set();
    for (const token of debt.tokens) this.#debts.set(token, debt);
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

  /** The class, with this to tell of what is to be written down. */
  watchRecorder(recorder: typeof OutboxRecorder): typeof OutboxRecorder {
    const added = (targets: Targets): void => {
      this.#made.add(targets);
    };
    return class extends recorder {
      override add(...given: Parameters<OutboxRecorder['add']>): RecordOrder {
        const order = super.add(...given);
        added(order.targets);
        return order;
      }
    };
  }

  /** The outbox as the process believes it to be: what it answers to have written is written. */
  watchOutbox(outbox: Outbox): Outbox {
    return overriding<Outbox>(outbox, {
      record: async (orders) => {
        const tickets = await outbox.record(orders);
        for (const { targets } of orders) this.#settle(targets);
        return tickets;
      },
    });
  }

  #settle(token: Token): void {
    const debt = this.#debts.get(token);
    if (debt === undefined) return;
    this.#debts.delete(token);
    debt.tokens.delete(token);
    if (debt.tokens.size === 0) for (const write of debt.writes) write.deliveredAt ??= this.#now();
  }
}
