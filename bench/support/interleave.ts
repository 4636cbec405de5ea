import { median } from '../../tests/integration/support/measure.ts';

/** Something to measure: one turn of it. */
export interface Subject {
  readonly name: string;
  /**
   * Works for a while, the longer the steadier: 20 ms at the least.
   * @returns The figure of this turn, in whatever unit all subjects have in common.
   */
  readonly turn: () => number | Promise<number>;
}

/** How often subjects take their turns. */
export interface Rounds {
  /** That count. */
  readonly rounds: number;
  /** That do not count, before the others: the engine compiles, connections and buffers grow. Default 2. */
  readonly warmUp?: number;
  /** Before every turn. Default: {@link settle}. */
  readonly before?: () => void | Promise<void>;
  /** Told of each round that begins. */
  readonly onRound?: (round: number) => void;
}

/** One figure compared with another, round by round. */
export interface Ratio {
  readonly median: number;
  readonly spread: readonly [least: number, most: number];
}

/** What came of rounds. */
export interface Figures {
  /** The median of a subject's figures. */
  of(subject: string): number;
  /** The subject's figure of each round that counts. */
  all(subject: string): readonly number[];
  /** The median of the ratios inside the rounds: what strikes a whole round strikes both. */
  ratio(subject: string, to: string): Ratio;
}

/**
 * Subjects take turns inside each round, in another order in every one, so that whatever else the machine does strikes all
 * of them alike.
 */
export async function interleave(
  subjects: readonly Subject[],
  { rounds, warmUp = 2, before = settle, onRound }: Rounds,
): Promise<Figures> {
  const figures = new Map(subjects.map(({ name }) => [name, [] as number[]]));
  for (let round = 0; round < warmUp + rounds; round += 1) {
    onRound?.(round);
    for (const { name, turn } of rotated(subjects, round)) {
      await before();
      const figure = await turn();
      if (round >= warmUp) figures.get(name)?.push(figure);
    }
  }
  const all = (subject: string): readonly number[] => {
    const found = figures.get(subject);
    if (found === undefined) throw new Error(`${subject} is no subject of these rounds`);
    return found;
  };
  return {
    all,
    of: (subject) => median(all(subject)),
    ratio(subject, to) {
      const others = all(to);
      const ratios = all(subject).map((figure, round) => figure / (others[round] ?? Number.NaN));
      return { median: median(ratios), spread: [Math.min(...ratios), Math.max(...ratios)] };
    },
  };
}

/** The next one begins in the next round, and every other round goes the other way round. */
function rotated<T>(subjects: readonly T[], round: number): T[] {
  const start = round % Math.max(subjects.length, 1);
  const turned = [...subjects.slice(start), ...subjects.slice(0, start)];
  return round % 2 === 0 ? turned : turned.reverse();
}

/** Time for sockets and timers: a loop over answers that are there at once lets none of them have a turn. */
const BREATH_MS = 2;

/** Collects the garbage of those before, so that nobody pays for others, and lets the event loop do what is due. */
async function settle(): Promise<void> {
  Bun.gc(true);
  await Bun.sleep(BREATH_MS);
}
