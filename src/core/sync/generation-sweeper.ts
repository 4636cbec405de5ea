import type { Session } from '../ports/remote-tier.ts';
import { PeriodicTask } from '../primitives/periodic-task.ts';
import type { CacheContext } from '../state/context.ts';
import type { GuardedL2 } from '../tiers/guarded-l2.ts';

/** The age at which a generation is swept. Instances that are slow to hear of a new one still store in it. */
const SETTLE_MS = 60_000;

/** So often an instance looks whether there is something to sweep, or whether the one that sweeps has gone. */
const LOOK_EVERY_MS = 5 * 60_000;

/** As long as one step may take. */
const BUDGET_MS = 2_000;

/** A sweep rests for so many times as long as its step took: the server is busy with it for a twentieth of the time at most. */
const REST_PER_STEP = 19;

const SHORTEST_REST_MS = 10;

/**
 * Removes what lies in generations that nothing reads any more. Entries without an end would stay there for ever, and each
 * restart of the server leaves such a generation. One instance sweeps for all, beside the heartbeat and more slowly than it,
 * and only while a generation is agreed: before that, a relay may still adopt an old one (protocol, race 43).
 */
export class GenerationSweeper {
  readonly #context: CacheContext;
  readonly #l2: GuardedL2;
  readonly #steps: PeriodicTask;
  #session: Session | undefined;
  #since = 0;
  #cursor: string | undefined;
  #isDone = false;

  constructor(context: CacheContext, l2: GuardedL2) {
    this.#context = context;
    this.#l2 = l2;
    this.#steps = new PeriodicTask(context.clock, () => this.#step());
  }

  /** True while this instance sweeps. */
  get isSweeping(): boolean {
    return this.#cursor !== undefined;
  }

  start(): void {
    this.#steps.start();
  }

  /** Waits for the step under way, which is the last. */
  close(): Promise<void> {
    return this.#steps.close();
  }

  async #step(): Promise<number> {
    const session = this.#l2.backgroundSession;
    if (session === undefined) return SETTLE_MS;
    const now = this.#context.clock.now();
    if (session !== this.#session) this.#begin(session, now);
    if (this.#isDone) return LOOK_EVERY_MS;
    const left = this.#since + SETTLE_MS - now;
    return left > 0 ? left : this.#sweep();
  }

  #begin(session: Session, now: number): void {
    this.#session = session;
    this.#since = now;
    this.#cursor = undefined;
    this.#isDone = false;
  }

  async #sweep(): Promise<number> {
    const { clock, counters, instance } = this.#context;
    const began = clock.now();
    const cursor = this.#cursor;
    const asked = await this.#l2.ask({ name: 'sweepOthers', budgetMs: BUDGET_MS, background: true }, (tier, session) =>
      tier.sweepOthers(session, instance, cursor),
    );
    this.#cursor = undefined;
    if (!asked.ok || asked.value.kind === 'session-mismatch') return SETTLE_MS;
    if (asked.value.kind === 'elsewhere') return LOOK_EVERY_MS;
    const { removed, cursor: next } = asked.value;
    counters.l2Swept += removed;
    this.#cursor = next;
    this.#isDone = next === undefined;
    return this.#isDone ? LOOK_EVERY_MS : Math.max(REST_PER_STEP * (clock.now() - began), SHORTEST_REST_MS);
  }
}
