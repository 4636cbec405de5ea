import type { TagState } from '../model/tags.ts';
import { PeriodicTask } from '../primitives/periodic-task.ts';
import type { CacheContext } from '../state/context.ts';
import { knownOf } from '../state/known-tags.ts';
import type { GuardedL2 } from '../tiers/guarded-l2.ts';

const EVERY_MS = 1_000;

/** One script call: the server does nothing else while it runs. What is left over waits for the next step. */
const TAGS_PER_STEP = 1_000;

/** As long as one step may take. */
const BUDGET_MS = 1_000;

/** A record that is there keeps the stay that it has, unless that is shorter. */
const SHORTEST_STAY_MS = 60_000;

/**
 * Touches the records of tags that are in use. Instances remember generations and seldom read them, so a server that drops
 * what is used least lately would drop them first, and an instance that starts then would make other ones. A record that is
 * gone comes back as it is remembered (protocol, race 57).
 */
export class TagKeeper {
  readonly #context: CacheContext;
  readonly #l2: GuardedL2;
  readonly #steps: PeriodicTask;
  readonly #everyMs: number;

  constructor(context: CacheContext, l2: GuardedL2, everyMs = EVERY_MS) {
    this.#context = context;
    this.#l2 = l2;
    this.#everyMs = everyMs;
    this.#steps = new PeriodicTask(context.clock, () => this.#step());
  }

  start(): void {
    this.#steps.start();
  }

  /** Waits for the step under way, which is the last. */
  close(): Promise<void> {
    return this.#steps.close();
  }

  async #step(): Promise<number> {
    const due = this.#context.tags.takeDue(TAGS_PER_STEP);
    if (due.length > 0 && this.#l2.backgroundSession !== undefined) await this.#touch(due);
    return this.#everyMs;
  }

  async #touch(due: readonly TagState[]): Promise<void> {
    const tags = due.map(({ tag }) => tag);
    const operation = { name: 'tags', budgetMs: BUDGET_MS, background: true };
    const asked = await this.#l2.ask(operation, (tier, { generation }) =>
      tier.tagGenerations(tags, generation, SHORTEST_STAY_MS, knownOf(this.#context, tags)),
    );
    if (!asked.ok) return;
    due.forEach((state, index) => {
      const { hard, soft } = asked.value[index] ?? {};
      // Another instance has made a new one, or a message is on its way: a flight reads it before its next use.
      if (state.generation?.hard !== hard || state.generation?.soft !== soft) state.knownUntil = 0;
    });
  }
}
