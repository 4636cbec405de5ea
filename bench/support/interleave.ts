import { median } from '../../tests/integration/support/measure.ts';

/** A subject of a measurement, with one turn of it. */
export interface Subject {
  readonly name: string;
  /**
   * Works for a while, at least 20 ms. A longer turn is steadier.
   * @returns The figure of this turn, in the unit that all subjects share.
   */
  readonly turn: () => number | Promise<number>;
}

/** The number of turns that subjects take. */
export interface Rounds {
  /** The rounds that count. */
  readonly rounds: number;
  /** The rounds before them, which do not count: the engine compiles, connections and buffers grow. Default 2. */
  readonly warmUp?: number;
  /** Runs before every turn. Default: {@link settle}. */
  readonly before?: () => void | Promise<void>;
  /** Called at the beginning of each round. */
  readonly onRound?: (round: number) => void;
}

/** One figure compared with another, round by round. */
export interface Ratio {
  readonly median: number;
  readonly spread: readonly [least: number, most: number];
}

/** The figures of some rounds. */
export interface Figures {
  /** Returns the median of a subject's figures. */
  of(subject: string): number;
  /** Returns the subject's figure of each round that counts. */
  all(subject: string): readonly number[];
  /** Returns the median of the ratios inside the rounds. A disturbance of a whole round strikes both figures. */
  ratio(subject: string, to: string): Ratio;
}

/**
 * Lets subjects take turns inside each round, in another order in every one. Other work of the machine then strikes all
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

/** Rotates the order by one each round, and reverses it in every other round. */
function rotated<T>(subjects: readonly T[], round: number): T[] {
  const start = round % Math.max(subjects.length, 1);
  const turned = [...subjects.slice(start), ...subjects.slice(0, start)];
  return round % 2 === 0 ? turned : turned.reverse();
}

/** Time for sockets and timers. A loop over answers that are there at once gives them no turn. */
const BREATH_MS = 2;

/** Collects the garbage of earlier subjects, so that each pays for its own, and lets the event loop run what is due. */
async function settle(): Promise<void> {
  Bun.gc(true);
  await Bun.sleep(BREATH_MS);
}
