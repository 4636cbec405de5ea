import { type Driven, drive, GENERATOR, isServerLimited, type Target } from '../load/drive.ts';
import { type AimRow, atLeast, interleave, isQuick, median, progress, type Row } from '../support/report.ts';

/** A server that is asked, with its name. */
export interface Asked extends Target {
  readonly name: string;
  /** Returns other paths for each turn, for subjects that must not be asked the same twice. */
  readonly pathsOf?: (turn: number) => Target['paths'];
}

/** The measurements of one case. */
export interface Case {
  readonly rows: readonly Row[];
  /**
   * Makes an aim for the requests a second of one subject, by those of another. Where the generator is the limit, the
   * aim is for the CPU time that each request costs the server.
   */
  aim(what: string, subject: string, to: string, bound: number): AimRow;
}

const CONNECTIONS = 64;
/** wrk takes whole seconds only. */
const SECONDS = isQuick() ? 1 : 2;
const WARM_UP = 1;

/** Lets subjects answer in turn, round by round, and compares all with the first. */
export async function compare(name: string, subjects: readonly Asked[], rounds: number): Promise<Case> {
  progress(`http: ${name}`);
  const turns = new Map(subjects.map((subject) => [subject.name, [] as Driven[]]));
  await interleave(
    subjects.map((subject) => ({
      name: subject.name,
      async turn() {
        const before = turns.get(subject.name) ?? [];
        const driven = await take(subject, before.length);
        before.push(driven);
        return driven.perSecond;
      },
    })),
    { rounds: isQuick() ? 1 : rounds, warmUp: WARM_UP },
  );
  const of = (subject: string, figure: keyof Driven): number[] =>
    (turns.get(subject) ?? []).slice(WARM_UP).map((driven) => driven[figure]);
  const ratios = (subject: string, to: string, figure: keyof Driven): number[] => {
    const others = of(to, figure);
    return of(subject, figure).map((one, round) => one / (others[round] ?? Number.NaN));
  };

  const [first] = subjects;
  const rowOf = (subject: string, figure: keyof Driven, unit: string): Row => {
    const row = { subject, case: name, figure: median(of(subject, figure)), unit };
    if (first === undefined || subject === first.name || figure === 'p99') return row;
    const all = ratios(subject, first.name, figure);
    return { ...row, ratio: median(all), spread: [Math.min(...all), Math.max(...all)], to: first.name };
  };
  return {
    rows: subjects.flatMap(({ name: subject }) => [
      rowOf(subject, 'perSecond', isServerLimited ? '/s' : `/s (${GENERATOR})`),
      rowOf(subject, 'cpuMicros', 'µs CPU'),
      rowOf(subject, 'p99', 'ms p99'),
    ]),
    aim(what, subject, to, bound) {
      const measured = isServerLimited ? ratios(subject, to, 'perSecond') : ratios(to, subject, 'cpuMicros');
      return atLeast(what, bound, median(measured), '×');
    },
  };
}

async function take(subject: Asked, turn: number): Promise<Driven> {
  const paths = subject.pathsOf?.(turn) ?? subject.paths;
  const driven = await drive({ ...subject, paths }, { connections: CONNECTIONS, seconds: SECONDS });
  if (driven.refused + driven.failed > 0)
    throw new Error(`${subject.name} refused ${driven.refused} requests and failed ${driven.failed}`);
  if (subject.pathsOf !== undefined && driven.requests > paths.length)
    throw new Error(
      `${subject.name} was asked ${driven.requests} times for ${paths.length} paths: it has answered some twice`,
    );
  return driven;
}
