import {
  cacheVersionOf,
  type InvalidationRecord,
  type LoadRecord,
  type NoteRecord,
  type TroubleRecord,
} from '../history.ts';
import { KEYS, keyNamed, neighboursOf } from '../keys.ts';
import type { World } from '../world.ts';
import { ms, type Violation } from './violation.ts';

/** More flights of one key than this never run at once in one process. */
const MOST_HERE = 2;
/** A value that stays this long does not run out during a run. */
const LASTING_MS = 20_000;
/** Whoever has waited for the hard timeout loads without a lease; clocks run a little apart. */
const PATIENT = 0.99;
/** A lease is asked for up to so long before the load that it is for. */
const ACQUIRED_MS = 150;
/** An outage here or a lease that ran out excuses what begins up to so much later: waiting for D, and a lease. */
const AFTERMATH_MS = 6_500;

/**
 * I7: loads of one key under way. In one process never more than two. In the fleet one, and one more for each invalidation
 * while they last; whoever could not use L2 lately, or may have lost its lease, is not counted, nor is a load in a process
 * that is still telling L2 of an invalidation of the key, for which L2 is no answer there. While a note of how a load ended
 * lasts, each instance loads for itself.
 */
export function checkLoads({ history, setting }: World): Violation[] {
  const calm = new Calm(history.troubles);
  return [...Map.groupBy(history.loads, ({ key }) => key)].flatMap(([key, loads]) => {
    const { ttl = 0, negativeTtl = 0, hardTimeout = 0 } = setting.policies[key] ?? {};
    // Whoever refreshes a value that runs out meanwhile is met by whoever finds nothing there: values must not run out,
    // as that of a row does that was absent (a tag ends it, and leaves it where it is).
    const first = history.writes.find((write) => write.key === key)?.deliveredAt ?? Infinity;
    const lastsFrom = ttl < LASTING_MS ? Infinity : first + negativeTtl;
    // A read of several keys gives each of them the tags of all.
    const beside = neighboursOf(keyNamed(key), KEYS).map(({ name }) => name);
    const orders = history.invalidations
      .filter(({ keys, byTag }) => keys.some((name) => (byTag ? beside.includes(name) : name === key)))
      .map((order) => ({ ...order, end: deliveredAt(order) }));
    const notes = history.notes.filter((note) => note.key === key);
    const isCounted = (load: LoadRecord): boolean =>
      !load.forced &&
      !load.bypassed &&
      !load.hurried &&
      load.waited < hardTimeout * PATIENT &&
      load.start >= lastsFrom &&
      !notes.some((note) => meets(load, note, cacheVersionOf(load.instance, setting.versions))) &&
      !orders.some((order) => isPending(order, load));
    const counted = new Set(loads.filter(isCounted));
    // Each version of the cache loads for itself.
    const fleets = Map.groupBy(loads, ({ instance }) => cacheVersionOf(instance, setting.versions));
    const inFleets = [...fleets.values()].flatMap((fleet) => checkFleet(key, fleet, counted, orders, calm));
    return [...checkEach(key, loads), ...inFleets];
  });
}

function checkEach(key: string, loads: readonly LoadRecord[]): Violation[] {
  return [...Map.groupBy(loads, ({ instance }) => instance).values()].flatMap((group) =>
    overlapping(group).flatMap(({ load, running }) =>
      running.length <= MOST_HERE ? [] : [violation(key, load, `${running.length} are under way in it`)],
    ),
  );
}

function checkFleet(
  key: string,
  loads: readonly LoadRecord[],
  counted: ReadonlySet<LoadRecord>,
  orders: readonly InvalidationRecord[],
  calm: Calm,
): Violation[] {
  return overlapping(loads).flatMap(({ load, running }) => {
    const holders = running.filter((each) => counted.has(each) && calm.covers(each, load.start));
    if (holders.length < 2) return [];
    const since = Math.min(...holders.map(({ start }) => start)) - ACQUIRED_MS;
    const meanwhile = orders.filter(({ start, end }) => start <= load.start && end >= since).length;
    if (holders.length <= 1 + meanwhile) return [];
    return [violation(key, load, `the fleet has ${holders.length}, with ${meanwhile} invalidations meanwhile`)];
  });
}

/** Each load, in order, with those that are under way when it begins, itself included. */
function overlapping(loads: readonly LoadRecord[]): { load: LoadRecord; running: LoadRecord[] }[] {
  let running: LoadRecord[] = [];
  return loads.map((load) => {
    running = [...running.filter(({ end }) => end > load.start), load];
    return { load, running };
  });
}

/** When the last of its effects can have come. */
function deliveredAt({ end, writes }: InvalidationRecord): number {
  return Math.max(end, ...writes.map((write) => write.deliveredAt ?? Infinity));
}

/** Whether L2 was not asked for a load because its own process owed it an invalidation. */
function isPending(order: InvalidationRecord, load: LoadRecord): boolean {
  return order.instance === load.instance && order.start <= load.start && order.end >= load.start - ACQUIRED_MS;
}

/** Whether L2 may have shown the process of a load a note of how another one ended. */
function meets({ start }: LoadRecord, note: NoteRecord, cache: string): boolean {
  return note.cache === cache && note.start <= start && start <= note.end + ACQUIRED_MS;
}

function violation(key: string, { instance, start }: LoadRecord, what: string): Violation {
  return { invariant: 'I7', at: start, message: `${instance} loads ${key} at ${ms(start)}: ${what}` };
}

/** Where and when nothing was in trouble. */
class Calm {
  readonly #everywhere: readonly TroubleRecord[];
  readonly #here: ReadonlyMap<string, readonly TroubleRecord[]>;

  constructor(troubles: readonly TroubleRecord[]) {
    this.#everywhere = troubles.filter(({ instance }) => instance === undefined);
    this.#here = Map.groupBy(
      troubles.filter(({ instance }) => instance !== undefined),
      ({ instance }) => instance ?? '',
    );
  }

  /** Whether the process of a load was able to use L2 from well before it until `now`. */
  covers({ instance, start }: LoadRecord, now: number): boolean {
    const meets = (trouble: TroubleRecord): boolean => trouble.start <= now && trouble.end >= start - AFTERMATH_MS;
    return !this.#everywhere.some(meets) && !(this.#here.get(instance) ?? []).some(meets);
  }
}
