import { Clients } from './clients.ts';
import { injure } from './faults.ts';
import { check } from './invariants/check.ts';
import { checkConvergence } from './invariants/convergence.ts';
import type { Violation } from './invariants/violation.ts';
import { lineOf, type Plan, type Step } from './plan.ts';
import { type Mix, planOf } from './plan-of.ts';
import { type Weakening, World } from './world.ts';

export interface RunResult {
  /** The earliest first. */
  readonly violations: readonly Violation[];
  /** Reads and writes that were answered. */
  readonly operations: number;
}

export interface RunOptions {
  readonly weakening?: Weakening;
  /** Given each line of the trace. */
  readonly onNote?: (line: string) => void;
}

/** One random run of a kind. */
export function run(seed: number, mix?: Mix, options?: RunOptions): RunResult {
  return execute(planOf(seed, mix), options);
}

/** Lets a plan take place, then waits until all is quiet, and checks. */
export function execute({ seed, setting, steps }: Plan, { weakening, onNote }: RunOptions = {}): RunResult {
  const world = new World(seed, setting, weakening, onNote);
  const clients = new Clients(world);
  for (const step of steps) {
    world.time.runUntil(step.at);
    take(world, clients, step);
  }
  const converged = checkConvergence(world, clients.readers);
  const { reads, writes } = world.history;
  return { violations: [...check(world), ...converged], operations: reads.length + writes.length };
}

function take(world: World, clients: Clients, step: Step): void {
  const instance = world.instances[step.place];
  // Nobody is there between a crash and the next start.
  if (instance === undefined) return;
  const { act } = step;
  if (act.kind === 'fault') {
    world.note(() => lineOf(step));
    injure(world, instance, act);
    return;
  }
  // A process that stands takes what it is asked as soon as it is awake again.
  if (instance.host.pausedUntil <= world.time.now) clients.perform(instance, act);
  else world.time.at(world.time.now, () => clients.perform(instance, act), instance.host);
}
