import type { Clock, Random } from './clock.ts';

/**
 * The state of a breaker.
 * - `closed`: calls pass and are counted.
 * - `open`: no call passes until `retryAt`.
 * - `half-open`: one trial is under way, or one has passed and others must follow until `closesAt`. No other call
 *   passes.
 * - `forced-…`: an operator holds the breaker in this state.
 */
export type BreakerState =
  | { readonly kind: 'closed' }
  | { readonly kind: 'open'; readonly since: number; readonly retryAt: number; readonly openMs: number }
  | {
      readonly kind: 'half-open';
      readonly since: number;
      readonly openMs: number;
      /** Unknown until the first trial has passed. */
      readonly closesAt: number | undefined;
    }
  | { readonly kind: 'forced-open'; readonly since: number }
  | { readonly kind: 'forced-closed'; readonly since: number };

export type BreakerStateName = BreakerState['kind'];

/** Options of a circuit breaker. Times are milliseconds. */
export interface BreakerOptions {
  /** Length of the window in which failures count. Default 1,000. */
  readonly windowMs?: number;
  /** Ratio of failures in the window that opens the breaker. Default 0.5. */
  readonly failureRatio?: number;
  /** Fewest calls in the window that can open the breaker. Default 5. */
  readonly minimumCalls?: number;
  /** First open time. It doubles after each failed trial, and chance shortens it by up to a quarter. Default 250. */
  readonly openMs?: number;
  /** Longest open time. Default 750. */
  readonly maxOpenMs?: number;
  /**
   * Time for which the tier must answer trials before calls pass again. It keeps a fleet from overloading a server that
   * has just come back. It is never longer than the tier was away. Default 1,000; 0 closes the breaker with the first
   * trial that passes.
   */
  readonly settleMs?: number;
}

const DEFAULTS: Required<BreakerOptions> = {
  windowMs: 1_000,
  failureRatio: 0.5,
  minimumCalls: 5,
  openMs: 250,
  maxOpenMs: 750,
  settleMs: 1_000,
};

const SLOTS = 10;

const OPEN_JITTER = 0.25;

/** Index of a slot that lies in no window, even just after the clock's zero. */
const NEVER = Number.NEGATIVE_INFINITY;

interface Slot {
  index: number;
  calls: number;
  failures: number;
}

/**
 * Stops calls to a tier that keeps failing, so that no caller waits for it. One trial at a time tests the tier. The
 * caller runs the trial: {@link beginTrial}, then {@link pass} or {@link reopen}.
 *
 * After Nygard, *Release It!* (2007), with a failure ratio over a ring of time slots instead of a count in a row.
 */
export class CircuitBreaker {
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #onTransition: (from: BreakerStateName, to: BreakerStateName) => void;
  readonly #options: Required<BreakerOptions>;
  readonly #slots: Slot[] = Array.from({ length: SLOTS }, () => ({ index: NEVER, calls: 0, failures: 0 }));
  #state: BreakerState = { kind: 'closed' };
  #generation = 0;
  /** The moment at which the breaker last left `closed`. */
  #awaySince = 0;

  constructor(
    clock: Clock,
    random: Random,
    onTransition: (from: BreakerStateName, to: BreakerStateName) => void,
    options: BreakerOptions = {},
  ) {
    this.#clock = clock;
    this.#random = random;
    this.#onTransition = onTransition;
    this.#options = { ...DEFAULTS, ...options };
  }

  get state(): BreakerState {
    return this.#state;
  }

  /** True when an ordinary call may be made. */
  get isClosed(): boolean {
    return this.#state.kind === 'closed' || this.#state.kind === 'forced-closed';
  }

  /** True when the tier answers: the breaker is closed, or closes soon. */
  get isAnswering(): boolean {
    return this.isClosed || this.closesAt !== undefined;
  }

  /**
   * The moment at which a breaker whose trial has passed closes if no call fails before; `undefined` in any other
   * state.
   */
  get closesAt(): number | undefined {
    return this.#state.kind === 'half-open' ? this.#state.closesAt : undefined;
  }

  /** Changes with every transition. A call hands it back to {@link record}. */
  get generation(): number {
    return this.#generation;
  }

  /**
   * Counts the outcome of a call. A call that began under another generation is not counted.
   * @param calls Calls that this one stands for, where several were made as one.
   */
  record(succeeded: boolean, generation: number, calls = 1): void {
    if (generation !== this.#generation || this.#state.kind !== 'closed') return;
    const now = this.#clock.now();
    const index = Math.floor((now * SLOTS) / this.#options.windowMs);
    const slot = this.#slotAt(index);
    slot.calls += calls;
    if (succeeded) return;
    slot.failures += calls;
    let all = 0;
    let failures = 0;
    for (const each of this.#slots) {
      if (each.index <= index - SLOTS) continue;
      all += each.calls;
      failures += each.failures;
    }
    if (all >= this.#options.minimumCalls && failures >= all * this.#options.failureRatio) this.trip();
  }

  /** Opens a closed breaker whatever the window holds. The caller knows that the tier is away. */
  trip(): void {
    if (this.#state.kind === 'closed') this.#open(this.#options.openMs);
  }

  /** The moment at which an open breaker wants its next trial; `undefined` in any other state. */
  get trialAt(): number | undefined {
    return this.#state.kind === 'open' ? this.#state.retryAt : undefined;
  }

  /**
   * Claims the one trial of an open breaker whose time has come.
   * @param now Claims the trial before its time, for instance on a new connection.
   */
  beginTrial(now = false): boolean {
    const state = this.#state;
    if (state.kind !== 'open' || (!now && this.#clock.now() < state.retryAt)) return false;
    this.#halfOpen(state.openMs, undefined);
    return true;
  }

  /** Opens the breaker again, for twice as long, after a trial has failed. */
  reopen(): void {
    if (this.#state.kind === 'half-open') this.#open(Math.min(this.#state.openMs * 2, this.#options.maxOpenMs));
  }

  /**
   * Closes the breaker after the tier has answered: at once, or when the tier has settled. A forced breaker stays as it
   * is.
   */
  pass(): void {
    const state = this.#state;
    if (state.kind !== 'open' && state.kind !== 'half-open') return;
    const now = this.#clock.now();
    const closesAt =
      state.kind === 'half-open' && state.closesAt !== undefined
        ? state.closesAt
        : now + Math.min(this.#options.settleMs, now - this.#awaySince);
    if (now >= closesAt) this.#close();
    else if (this.closesAt === undefined) this.#halfOpen(state.openMs, closesAt);
  }

  /** Holds the breaker `open` or `closed` until {@link release}, whatever calls and trials report. */
  force(as: 'open' | 'closed'): void {
    const kind = `forced-${as}` as const;
    if (this.#state.kind !== kind) this.#become({ kind, since: this.#clock.now() });
  }

  /** Ends {@link force}. The breaker closes and counts calls again. */
  release(): void {
    if (this.#state.kind === 'forced-open' || this.#state.kind === 'forced-closed') this.#close();
  }

  #close(): void {
    for (const slot of this.#slots) slot.index = NEVER;
    this.#become({ kind: 'closed' });
  }

  #open(openMs: number): void {
    const since = this.#clock.now();
    if (this.#state.kind === 'closed') this.#awaySince = since;
    const jittered = openMs * (1 - OPEN_JITTER * this.#random.next());
    this.#become({ kind: 'open', since, retryAt: since + jittered, openMs });
  }

  #halfOpen(openMs: number, closesAt: number | undefined): void {
    this.#become({ kind: 'half-open', since: this.#clock.now(), openMs, closesAt });
  }

  #become(next: BreakerState): void {
    const from = this.#state.kind;
    this.#state = next;
    if (from === next.kind) return;
    this.#generation += 1;
    this.#onTransition(from, next.kind);
  }

  #slotAt(index: number): Slot {
    // The ring always has SLOTS places. The fallback is never used; it satisfies the index check.
    const slot = this.#slots[index % SLOTS] ?? { index, calls: 0, failures: 0 };
    if (slot.index !== index) {
      slot.index = index;
      slot.calls = 0;
      slot.failures = 0;
    }
    return slot;
  }
}
