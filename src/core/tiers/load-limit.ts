import { LoadShedError } from '../model/errors.ts';
import type { Clock } from '../primitives/clock.ts';
import type { Dependents, LoadPlace, RunningLoad } from './running-load.ts';

/** The limits on waiting loads. */
export interface Patience {
  /** The longest time that a load waits for a place, in milliseconds. Default 1,000. */
  readonly longestWaitMs?: number;
  /** The number of loads that may wait for each that may run. More would wait in vain. Default 16. */
  readonly waitingPerPlace?: number;
}

/** A request to run one load. */
export interface LoadOrder {
  readonly key: string;
  /** The limit shares its places evenly among tenants. */
  readonly tenant: string;
  /** Ends the wait. */
  readonly signal: AbortSignal;
  /**
   * The largest `hardTimeout` of the callers, in milliseconds. It may grow while the load waits for a place. A load
   * waits no longer for a place than it may run.
   */
  readonly patienceMs: number;
  /** The running loads that wait for this one. It may run in the place of one of them. */
  readonly dependents?: Pick<Dependents, 'loads' | 'watch'>;
}

interface Waiting {
  readonly order: LoadOrder;
  start(grant: Grant): void;
  refuse(error: Error): void;
}

/** One of the places. It is taken while its own load runs in it, or a load to which that one has lent it. */
interface Place extends LoadPlace {
  readonly limit: LoadLimit;
  readonly share: Share;
  loads: number;
}

/** The right of a load to run. */
interface Grant {
  readonly place: Place;
  /** The load that lends the place, and waits for this one. */
  readonly lender: RunningLoad | undefined;
}

/** The running loads of one tenant, and its waiting loads in their order. */
interface Share {
  readonly tenant: string;
  running: number;
  readonly waiting: Set<Waiting>;
}

/**
 * Protects the source from too many loads when the cache cannot help. A limited number runs at once, some more wait for
 * a short time, and the rest are refused at once. A free place goes to the waiting tenant with the fewest running
 * loads. When too many wait, the tenant with the most waiting loads loses one. A tenant that asks for much therefore
 * delays only itself.
 *
 * A load whose loader waits for another load lends it its place, to one load at a time. Otherwise all places could be
 * held by loads that wait for loads without a place.
 */
export class LoadLimit {
  readonly #clock: Clock;
  readonly #limit: number;
  readonly #longestWaitMs: number;
  readonly #waitingPerPlace: number;
  /** The tenants that run or wait. The tenant that was served last is the last. */
  readonly #shares = new Map<string, Share>();
  #running = 0;
  #waiting = 0;

  /** @param limit The number of loads that run at once. `Infinity` for no limit. */
  constructor(clock: Clock, limit: number, { longestWaitMs = 1_000, waitingPerPlace = 16 }: Patience = {}) {
    this.#clock = clock;
    this.#limit = limit;
    this.#longestWaitMs = longestWaitMs;
    this.#waitingPerPlace = waitingPerPlace;
  }

  get running(): number {
    return this.#running;
  }

  get waiting(): number {
    return this.#waiting;
  }

  /** The number of tenants with running or waiting loads. */
  get tenants(): number {
    return this.#shares.size;
  }

  /**
   * Runs a load as soon as there is a place for it.
   * @throws {@link LoadShedError} when too many loads wait already, or no place became free in time; otherwise the
   *   signal's reason, the error from {@link dismiss}, or the error of the load.
   */
  async run<T>(order: LoadOrder, load: (place: LoadPlace) => Promise<T>): Promise<T> {
    const grant = this.#borrow(order) ?? (await this.#obtain(order));
    try {
      return await load(grant.place);
    } finally {
      this.#release(grant);
    }
  }

  /** Refuses all waiting loads. */
  dismiss(errorOf: (key: string) => Error): void {
    for (const { waiting } of this.#shares.values()) for (const each of waiting) each.refuse(errorOf(each.order.key));
  }

  /** Obtains an own place, at once or later. */
  async #obtain(order: LoadOrder): Promise<Grant> {
    const share = this.#shareOf(order.tenant);
    if (this.#running < this.#limit) return this.#begin(share);
    try {
      return await this.#wait(order, share);
    } finally {
      this.#forgetIdle(share);
    }
  }

  #begin(share: Share): Grant {
    this.#running += 1;
    share.running += 1;
    return { place: { limit: this, share, loads: 1 }, lender: undefined };
  }

  /** Borrows the place of a load that waits for this one. */
  #borrow(order: LoadOrder): Grant | undefined {
    const found = this.#lenderOf(order);
    if (found === undefined) return undefined;
    const { lender, place } = found;
    lender.isLending = true;
    place.loads += 1;
    return { place, lender };
  }

  /** Finds a load that can lend its place. A load of another cache may stand between the two. */
  #lenderOf({ dependents }: LoadOrder): { readonly lender: RunningLoad; readonly place: Place } | undefined {
    if (dependents === undefined || this.#limit === Infinity) return undefined;
    const waiting = new Set(dependents.loads());
    for (const lender of waiting) {
      const { place } = lender;
      if (!isPlaceOf(place, this)) for (const further of lender.dependents()) waiting.add(further);
      else if (!lender.isLending && !lender.isOver) return { lender, place };
    }
    return undefined;
  }

  /** Frees a place with the last load in it. Until then its lender may wait for more loads. */
  #release({ place, lender }: Grant): void {
    const { share } = place;
    if (lender !== undefined) lender.isLending = false;
    place.loads -= 1;
    if (place.loads > 0) {
      this.#lend();
      return;
    }
    this.#running -= 1;
    share.running -= 1;
    this.#forgetIdle(share);
    this.#next();
  }

  /** Starts one waiting load in a place that it can borrow, if there is one. */
  #lend(): void {
    if (this.#waiting === 0) return;
    for (const { waiting } of this.#shares.values()) {
      for (const { order, start } of waiting) {
        const grant = this.#borrow(order);
        if (grant === undefined) continue;
        start(grant);
        return;
      }
    }
  }

  /** Resolves when a place was given or lent. */
  #wait(order: LoadOrder, share: Share): Promise<Grant> {
    const { key, signal } = order;
    if (signal.aborted) return Promise.reject(signal.reason);
    if (this.#waiting >= this.#limit * this.#waitingPerPlace && !this.#makeRoomFor(share)) {
      return Promise.reject(this.noPlace(key));
    }
    const clock = this.#clock;
    const beganAt = clock.now();
    return new Promise((resolve, reject) => {
      const end = (settle: () => void): void => {
        if (share.waiting.delete(entry)) this.#waiting -= 1;
        cancel();
        stopWatching?.();
        signal.removeEventListener('abort', leave);
        settle();
      };
      const refuse = (error: unknown): void => end(() => reject(error));
      const leave = (): void => refuse(signal.reason);
      const entry: Waiting = { order, start: (grant) => end(() => resolve(grant)), refuse };
      const borrow = (): void => {
        const grant = this.#borrow(order);
        if (grant !== undefined) entry.start(grant);
      };
      const stopWatching = order.dependents?.watch(borrow);
      let cancel = (): void => {};
      const watch = (): void => {
        const leftMs = beganAt + Math.min(this.#longestWaitMs, order.patienceMs) - clock.now();
        if (leftMs > 0) cancel = clock.after(leftMs, watch, true);
        else refuse(this.noPlace(key));
      };
      watch();
      signal.addEventListener('abort', leave, { once: true });
      share.waiting.add(entry);
      this.#waiting += 1;
    });
  }

  /** Dismisses the latest load of the tenant with the most waiting loads, unless that is the load that asks. */
  #makeRoomFor(share: Share): boolean {
    let greediest = share;
    for (const each of this.#shares.values()) if (each.waiting.size > greediest.waiting.size) greediest = each;
    const last = [...greediest.waiting].at(-1);
    if (greediest.waiting.size <= share.waiting.size + 1 || last === undefined) return false;
    last.refuse(this.noPlace(last.order.key));
    return true;
  }

  #next(): void {
    if (this.#waiting === 0) return;
    let next: { readonly tenant: string; readonly share: Share } | undefined;
    for (const [tenant, share] of this.#shares) {
      if (share.waiting.size > 0 && share.running < (next?.share.running ?? Infinity)) next = { tenant, share };
    }
    if (next === undefined) return;
    const { tenant, share } = next;
    const [first] = share.waiting;
    this.#shares.delete(tenant);
    this.#shares.set(tenant, share);
    // The place is taken in this step. A load that arrives before the waiter wakes up cannot take it.
    first?.start(this.#begin(share));
  }

  #shareOf(tenant: string): Share {
    const known = this.#shares.get(tenant);
    if (known !== undefined) return known;
    const made: Share = { tenant, running: 0, waiting: new Set() };
    this.#shares.set(tenant, made);
    return made;
  }

  #forgetIdle(share: Share): void {
    if (share.running === 0 && share.waiting.size === 0 && this.#shares.get(share.tenant) === share)
      this.#shares.delete(share.tenant);
  }

  /** The error of a load that got no place in time. */
  noPlace(key: string): LoadShedError {
    return new LoadShedError(key, this.#limit, this.#longestWaitMs);
  }
}

function isPlaceOf(place: LoadPlace | undefined, limit: LoadLimit): place is Place {
  return place?.limit === limit;
}
