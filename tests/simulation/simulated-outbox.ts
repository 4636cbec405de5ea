import { MemoryOutbox } from '../../src/adapters/memory/index.ts';
import type { Targets } from '../../src/core/model/invalidation.ts';
import type { Outbox, OutboxRow } from '../../src/core/ports/outbox.ts';
import { overriding } from '../../src/testing/chaos/overriding.ts';
import { nameOf } from './chance.ts';
import type { History, InvalidationRecord } from './history.ts';
import { KEYS, type Key } from './keys.ts';
import type { Source } from './source.ts';
import type { Host, VirtualTime } from './virtual-time.ts';

/** How long acknowledgements are gathered, and how long a notification takes at most. */
const GATHER_MS = 20;
const NOTIFIED_WITHIN_MS = 5;
/** Share of notifications that nobody hears. */
const LOST_SHARE = 0.1;

/** One process's way to the outbox of the simulated database. */
export function outboxOf(source: Source, time: VirtualTime, host: Host): MemoryOutbox {
  const query = <T>(what: string, act: () => T): Promise<T> => {
    if (what.endsWith(' record')) return source.record(host, what, act);
    if (!what.endsWith(' acknowledge')) return source.query(host, what, act);
    return new Promise((resolve, reject) => {
      time.at(time.now + GATHER_MS, () => source.query(host, what, act).then(resolve, reject), host);
    });
  };
  const notify = (arrive: () => void): void => {
    const draw = source.chance.of(nameOf(`${host.name} notify`), time.now);
    if (draw > LOST_SHARE) time.at(time.now + draw * NOTIFIED_WITHIN_MS, arrive, host);
  };
  return new MemoryOutbox(source.outbox, host.name, query, notify);
}

/** The same, where each delivery goes into the history: loads of its keys may meet an invalidation. */
export function watched(outbox: Outbox, { name }: Host, history: History, time: VirtualTime): Outbox {
  const orders: InvalidationRecord[] = [];
  const taken = (rows: readonly OutboxRow[]): readonly OutboxRow[] => {
    const keys = KEYS.filter((key) => rows.some(({ targets }) => isNamed(key, targets)));
    const order = {
      instance: name,
      keys: keys.map((key) => key.name),
      byTag: false,
      writes: [],
      start: time.now,
      end: Infinity,
    };
    if (keys.length > 0) orders.push(order);
    if (keys.length > 0) history.invalidations.push(order);
    return rows;
  };
  return overriding<Outbox>(outbox, {
    undelivered: async (which) => taken(await outbox.undelivered(which)),
    delivered: async (withinMs, after) => taken(await outbox.delivered(withinMs, after)),
    settle: async (ids) => {
      await outbox.settle(ids);
      for (const order of orders.splice(0)) order.end = time.now;
    },
  });
}

function isNamed({ id, tagIds }: Key, { ids, tags }: Targets): boolean {
  return ids.includes(id) || tagIds.some((tag) => tags.includes(tag));
}
