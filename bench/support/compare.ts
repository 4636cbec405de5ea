import { type Figures, interleave, isQuick, median, type Row, type Subject } from './report.ts';

/** The duration of a turn in milliseconds, and the number of rounds. */
export const TURN_MS = isQuick() ? 8 : 25;
export const ROUNDS = isQuick() ? 3 : 9;
const WARM_UP = isQuick() ? 1 : 3;

/** The circumstances of a comparison. */
export interface Comparison {
  readonly circumstances: string;
  /** With `k/s`, the CPU time of each read is reported as well. */
  readonly unit: string;
  readonly to: string;
}

/** Runs rounds of some subjects in one case, and makes rows that compare each with the subject `to`. */
export async function compare(
  subjects: readonly Subject[],
  { circumstances, unit, to }: Comparison,
): Promise<{ figures: Figures; rows: Row[] }> {
  const costs = new Map<string, number[]>();
  const weighed = unit === 'k/s' ? subjects.map((subject) => withCost(subject, costs)) : subjects;
  const figures = await interleave(weighed, { rounds: ROUNDS, warmUp: WARM_UP });
  const rows = subjects.map(({ name: subject }) => {
    const row = { subject, case: circumstances, figure: figures.of(subject), unit };
    if (subject === to) return row;
    const { median: ratio, spread } = figures.ratio(subject, to);
    return { ...row, ratio, spread, to };
  });
  return { figures, rows: [...rows, ...costRows(costs, circumstances, to)] };
}

/**
 * Notes the CPU time of this process for each of the thousands of reads a second that a turn reports. It moves less
 * than the rate when the machine has other work.
 */
function withCost({ name, turn }: Subject, costs: Map<string, number[]>): Subject {
  const own: number[] = [];
  costs.set(name, own);
  return {
    name,
    async turn() {
      const [before, began] = [process.cpuUsage(), performance.now()];
      const rate = await turn();
      const ms = performance.now() - began;
      const { user, system } = process.cpuUsage(before);
      own.push((user + system) / (rate * ms));
      return rate;
    },
  };
}

function costRows(costs: ReadonlyMap<string, readonly number[]>, circumstances: string, to: string): Row[] {
  // The first turns were longer than they report: they also found the number of calls that fill one.
  const counted = new Map([...costs].map(([name, all]) => [name, all.slice(WARM_UP)]));
  const floor = counted.get(to) ?? [];
  return [...counted].map(([subject, own]) => {
    const row = { subject, case: `${circumstances}, CPU of this process`, figure: median(own), unit: 'µs' };
    if (subject === to) return row;
    const ratios = own.map((cost, round) => cost / (floor[round] ?? Number.NaN));
    return { ...row, ratio: median(ratios), spread: [Math.min(...ratios), Math.max(...ratios)] as const, to };
  });
}

/** Returns the name with the least figure, or with the greatest. */
export function best(names: readonly string[], figures: Figures, isBetter: 'less' | 'more'): string {
  const [first, ...others] = names;
  if (first === undefined) throw new Error('there is no subject to compare with');
  const wins = (one: string, other: string): boolean =>
    isBetter === 'less' ? figures.of(one) < figures.of(other) : figures.of(one) > figures.of(other);
  return others.reduce((leader, one) => (wins(one, leader) ? one : leader), first);
}
