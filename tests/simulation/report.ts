import { lineOf, type Plan } from './plan.ts';
import { execute, type RunOptions } from './run.ts';

/** A run as text: what it was made of, everything that happened, and what it broke. */
export function report(plan: Plan, options: Omit<RunOptions, 'onNote'> = {}): string[] {
  const lines: string[] = [];
  const { violations, operations } = execute(plan, { ...options, onNote: (line) => lines.push(line) });
  return [
    ...describePlan(plan),
    ...lines,
    ...violations.map(({ invariant, message }) => `${invariant}: ${message}`),
    `seed ${plan.seed}: ${operations} operations, ${violations.length} violations`,
  ];
}

/** The steps of a plan that is small enough to be read; and what it is set in. */
function describePlan({ steps, setting }: Plan): string[] {
  const used = new Set(steps.flatMap(({ act }) => (act.kind === 'fault' ? [] : [act.key])));
  const policies = Object.entries(setting.policies).filter(([key]) => used.has(key));
  return [
    `${setting.instances} instances, ${setting.sourceLatency.join('–')} ms to the database and back again`,
    ...policies.map(([key, policy]) => `${key}: ${JSON.stringify(policy)}`),
    ...(steps.length > READABLE ? [] : steps.map((step) => `${step.at.toFixed(1).padStart(9)}  ${lineOf(step)}`)),
    '',
  ];
}

const READABLE = 40;
