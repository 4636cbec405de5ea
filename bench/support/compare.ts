import { type Figures, interleave, isQuick, type Row, type Subject } from './report.ts';

/** How long a turn takes, in milliseconds, and how many rounds there are. */
export const TURN_MS = isQuick() ? 8 : 25;
export const ROUNDS = isQuick() ? 3 : 9;

/** Rounds of some subjects in one case, as rows that compare each with the subject `to`. */
export async function compare(
  subjects: readonly Subject[],
  { circumstances, unit, to }: { circumstances: string; unit: string; to: string },
): Promise<{ figures: Figures; rows: Row[] }> {
  const figures = await interleave(subjects, { rounds: ROUNDS, warmUp: isQuick() ? 1 : 3 });
  const rows = subjects.map(({ name: subject }) => {
    const row = { subject, case: circumstances, figure: figures.of(subject), unit };
    if (subject === to) return row;
    const { median: ratio, spread } = figures.ratio(subject, to);
    return { ...row, ratio, spread, to };
  });
  return { figures, rows };
}

/** The name with the least figure, or with the greatest. */
export function best(names: readonly string[], figures: Figures, isBetter: 'less' | 'more'): string {
  const [first, ...others] = names;
  if (first === undefined) throw new Error('there is nobody to compare with');
  const wins = (one: string, other: string): boolean =>
    isBetter === 'less' ? figures.of(one) < figures.of(other) : figures.of(one) > figures.of(other);
  return others.reduce((leader, one) => (wins(one, leader) ? one : leader), first);
}
