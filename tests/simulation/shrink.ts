import type { Plan, Step } from './plan.ts';
import { execute, type RunOptions } from './run.ts';

/** More runs than this are not worth a smaller plan. */
const MOST_RUNS = 3_000;

/**
 * A smaller plan that still breaks an invariant of the same kind. What is drawn for one step does not depend on the
 * others, so that most of them can go: everything after the violation first, then halves, quarters and so on down to
 * single steps, until none can be missed (after Zeller and Hildebrandt, *Simplifying and Isolating Failure-Inducing
 * Input*, 2002).
 * @throws when the plan breaks nothing.
 */
export function shrink(plan: Plan, options?: RunOptions): Plan {
  const [first] = execute(plan, options).violations;
  if (first === undefined) throw new Error(`Seed ${plan.seed} breaks no invariant`);
  const search = new Search(plan, (candidate) =>
    execute(candidate, options).violations.some(({ invariant }) => invariant === first.invariant),
  );
  search.keep(({ at }) => at <= first.at);
  search.drop(({ act }) => act.kind === 'fault');
  search.drop(({ act }) => act.kind === 'get' || act.kind === 'peek');
  for (const key of plan.setting.keys) search.drop(({ act }) => act.kind !== 'fault' && act.key === key);
  for (let place = 0; place < plan.setting.instances; place += 1) search.drop((step) => step.place === place);
  search.dropParts();
  return search.best;
}

/** The smallest plan so far for which `fails` still holds. */
class Search {
  best: Plan;
  readonly #fails: (candidate: Plan) => boolean;
  #runs = 0;

  constructor(plan: Plan, fails: (candidate: Plan) => boolean) {
    this.best = plan;
    this.#fails = fails;
  }

  /** Tries to do with these steps alone. */
  keep(which: (step: Step) => boolean): boolean {
    const steps = this.best.steps.filter(which);
    if (steps.length === this.best.steps.length || this.#runs === MOST_RUNS) return false;
    this.#runs += 1;
    const candidate = { ...this.best, steps };
    if (!this.#fails(candidate)) return false;
    this.best = candidate;
    return true;
  }

  /** Tries to do without these steps. */
  drop(which: (step: Step) => boolean): boolean {
    return this.keep((step) => !which(step));
  }

  /** Tries to do without each part of the plan, in ever smaller parts; again for single ones while some can go. */
  dropParts(): void {
    for (let size = this.best.steps.length >> 1; size >= 1; size = size > 1 ? size >> 1 : this.#dropEach(1) ? 1 : 0) {
      this.#dropEach(size);
    }
  }

  #dropEach(size: number): boolean {
    let dropped = false;
    for (let from = this.best.steps.length - size; from > -size; from -= size) {
      const part = new Set(this.best.steps.slice(Math.max(from, 0), from + size));
      dropped = this.drop((step) => part.has(step)) || dropped;
    }
    return dropped;
  }
}
