import { LoadShedError } from '../model/errors.ts';
import type { Clock } from '../primitives/clock.ts';

/** A load waits at most this long for a place. */
const LONGEST_WAIT_MS = 1_000;

/** Loads that may wait, for each that may run: more would only wait in vain. */
const WAITING_PER_PLACE = 16;

/** Who wants to load what. */
export interface LoadOrder {
  readonly key: string;
  /** Places are shared out evenly among tenants. */
  readonly tenant: string;
  /** Ends the waiting. */
  readonly signal: AbortSignal;
  /**
   * The largest `hardTimeout` of the callers, in milliseconds; it may grow while the load waits for a place. A load waits
   * no longer for a place than it may run.
   */
  readonly patienceMs: number;
}

interface Waiting {
  readonly key: string;
  start(): void;
  refuse(error: Error): void;
}

/** What one tenant has running, and waiting in the order of asking. */
interface Share {
  running: number;
  readonly waiting: Set<Waiting>;
}

/**
 * Keeps the source from being flattened when the cache cannot help: so many loads run at once, some more wait for a
 * short while, the rest are refused at once. A place that becomes free goes to the waiting tenant that has the fewest, and
 * who must go when too many wait is of the tenant that has the most there: whoever asks for much waits for himself.
 */
export class LoadLimit {
  readonly #clock: Clock;
  readonly #limit: number;
  /** Tenants that run or wait; the one that was served last is the last. */
  readonly #shares = new Map<string, Share>();
  #running = 0;
  #waiting = 0;

  /** @param limit Loads that run at once; `Infinity` for no limit. */
  constructor(clock: Clock, limit: number) {
    this.#clock = clock;
    this.#limit = limit;
  }

  get running(): number {
    return this.#running;
  }

  get waiting(): number {
    return this.#waiting;
  }

  /** Tenants that have something running or waiting. */
  get tenants(): number {
    return this.#shares.size;
  }

  /**
   * Runs a load as soon as there is a place for it.
   * @throws {@link LoadShedError} when there are too many already, or none became free in time; else the signal's
   *   reason, what {@link dismiss} was given, or what the load throws.
   */
  async run<T>(order: LoadOrder, load: () => Promise<T>): Promise<T> {
    const share = this.#shareOf(order.tenant);
    try {
      if (this.#running < this.#limit) this.#begin(share);
      else await this.#place(order, share);
    } catch (error) {
      this.#forgetIdle(order.tenant, share);
      throw error;
    }
    try {
      return await load();
    } finally {
      this.#running -= 1;
      share.running -= 1;
      this.#forgetIdle(order.tenant, share);
      this.#next();
    }
  }

  /** Refuses all that wait. */
  dismiss(errorOf: (key: string) => Error): void {
    for (const { waiting } of this.#shares.values()) for (const each of waiting) each.refuse(errorOf(each.key));
  }

  #begin(share: Share): void {
    this.#running += 1;
    share.running += 1;
  }

  /** Resolves when a place has been given. */
  #place(order: LoadOrder, share: Share): Promise<void> {
    const { key, signal } = order;
    if (signal.aborted) return Promise.reject(signal.reason);
    if (this.#waiting >= this.#limit * WAITING_PER_PLACE && !this.#makeRoomFor(share)) {
      return Promise.reject(this.noPlace(key));
    }
    const clock = this.#clock;
    const beganAt = clock.now();
    return new Promise((resolve, reject) => {
      const end = (settle: () => void): void => {
        if (share.waiting.delete(entry)) this.#waiting -= 1;
        cancel();
        signal.removeEventListener('abort', leave);
        settle();
      };
      const refuse = (error: unknown): void => end(() => reject(error));
      const leave = (): void => refuse(signal.reason);
      const entry: Waiting = { key, start: () => end(resolve), refuse };
      let cancel = (): void => {};
      const watch = (): void => {
        const leftMs = beganAt + Math.min(LONGEST_WAIT_MS, order.patienceMs) - clock.now();
        if (leftMs > 0) cancel = clock.after(leftMs, watch);
        else refuse(this.noPlace(key));
      };
      watch();
      signal.addEventListener('abort', leave, { once: true });
      share.waiting.add(entry);
      this.#waiting += 1;
    });
  }

  /** The latest of the tenant that has the most waiting must go, unless that would be the one that asks. */
  #makeRoomFor(share: Share): boolean {
    let greediest = share;
    for (const each of this.#shares.values()) if (each.waiting.size > greediest.waiting.size) greediest = each;
    const last = [...greediest.waiting].at(-1);
    if (greediest.waiting.size <= share.waiting.size + 1 || last === undefined) return false;
    last.refuse(this.noPlace(last.key));
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
    // The place is taken in this step: nobody who comes before the waiter wakes up can slip in.
    this.#begin(share);
    first?.start();
  }

  #shareOf(tenant: string): Share {
    const known = this.#shares.get(tenant);
    if (known !== undefined) return known;
    const made: Share = { running: 0, waiting: new Set() };
    this.#shares.set(tenant, made);
    return made;
  }

  #forgetIdle(tenant: string, share: Share): void {
    if (share.running === 0 && share.waiting.size === 0 && this.#shares.get(tenant) === share)
      this.#shares.delete(tenant);
  }

  /** The error of a load for which no place became free in time. */
  noPlace(key: string): LoadShedError {
    return new LoadShedError(key, this.#limit, LONGEST_WAIT_MS);
  }
}
