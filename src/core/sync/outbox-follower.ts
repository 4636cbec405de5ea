import { EVERYTHING, type InvalidationMode, type Targets } from '../model/invalidation.ts';
import type { Outbox } from '../ports/outbox.ts';
import { PeriodicTask } from '../primitives/periodic-task.ts';
import { withTimeout } from '../primitives/timeout.ts';
import type { CacheContext } from '../state/context.ts';
import { applyLocally, forgetEverything } from '../write/apply-locally.ts';
import { listenerOf, lookEveryMs } from './outbox-polling.ts';

/** Rows older than this share of the outbox's memory may be gone from it. */
const SAFE_SHARE = 0.5;

/**
 * Where there is no L2 and so no bus: reads in the outbox what others have changed, and takes it out of L1. Each look that
 * succeeds is a proof, as of its beginning, that nothing was missed; without one L1 does not answer for longer than D.
 */
export class Follower {
  readonly #context: CacheContext;
  readonly #outbox: Outbox;
  readonly #looks: PeriodicTask;
  readonly #everyMs: number;
  #cursor: string | undefined;
  #lookedAt = Number.NEGATIVE_INFINITY;
  #isFailing = false;
  readonly #first = Promise.withResolvers<void>();

  constructor(context: CacheContext, outbox: Outbox) {
    this.#context = context;
    this.#outbox = outbox;
    this.#everyMs = lookEveryMs(context.maxLagMs);
    this.#looks = new PeriodicTask(context.clock, () => this.#look());
  }

  /** True when the last look succeeded. */
  get isHealthy(): boolean {
    return !this.#isFailing;
  }

  /** Resolves with whether it has looked by then. */
  ready(timeoutMs: number): Promise<boolean> {
    const looked = this.#first.promise.then(() => true);
    return withTimeout(this.#context.clock, timeoutMs, looked).catch(() => false);
  }

  start(): void {
    this.#outbox.start(listenerOf(this.#context, this.#looks));
    this.#looks.start();
  }

  close(): Promise<void> {
    return this.#looks.close();
  }

  async #look(): Promise<number> {
    try {
      await this.#follow();
      this.#isFailing = false;
    } catch (error) {
      if (!this.#isFailing)
        this.#context.emit({ type: 'tier_failure', error, operation: 'follow', tier: 'source', background: true });
      this.#isFailing = true;
    }
    return this.#everyMs;
  }

  async #follow(): Promise<void> {
    const { clock, proof, maxLagMs } = this.#context;
    const beganAt = clock.now();
    const { cursor, rows, everything } = await withTimeout(clock, maxLagMs, this.#outbox.follow(this.#cursor));
    // Rows older than the outbox remembers may have gone unseen.
    const isLate = beganAt - this.#lookedAt > this.#outbox.windowMs * SAFE_SHARE;
    if (this.#cursor === undefined || everything || isLate) this.#takeEverything();
    else for (const { targets, mode } of rows) this.#take(targets, mode);
    this.#cursor = cursor;
    this.#lookedAt = beganAt;
    proof.takeHeartbeat('', 0, beganAt);
    this.#first.resolve();
    await this.#outbox.prune();
  }

  /** Observers that follow rows have missed the same rows, except at the first look. */
  #takeEverything(): void {
    forgetEverything(this.#context);
    if (this.#cursor !== undefined)
      this.#context.emit({ type: 'invalidated', targets: EVERYTHING, origin: 'elsewhere' });
  }

  /** A row that cannot be applied may name anything: everything goes, and the rows after it are read all the same. */
  #take(targets: Targets, mode: InvalidationMode): void {
    try {
      applyLocally(this.#context, targets, mode);
      this.#context.recent.note(targets, 'elsewhere');
      this.#context.emit({ type: 'invalidated', targets, origin: 'elsewhere' });
    } catch (error) {
      forgetEverything(this.#context);
      this.#context.emit({ type: 'tier_failure', error, operation: 'follow', tier: 'source', background: true });
    }
  }
}
