import { isAbsolute, relative, resolve } from 'node:path';
import { Glob } from 'bun';

/** Test files that one process runs. */
export interface Part {
  readonly name: string;
  /** Relative to the project, in the order in which they are run. */
  readonly files: readonly string[];
  /** From 0 to 19: how far it leaves the processors to the others where there are too few. */
  readonly niceness: number;
  /** Milliseconds that a test may take which says nothing else. */
  readonly timeoutMs: number;
  /** It begins when every other part has ended. */
  readonly isAlone?: boolean;
}

/** These start processes and wait for them most of the time, so they share the processors with other parts. */
export const FLEETS: readonly string[] = [
  'tests/faults/',
  'tests/integration/relay',
  'tests/integration/catalog-',
  'tests/runtimes/',
];

/**
 * These hold what callers feel against milliseconds, so nothing else may run beside them. The load of a thousand users is
 * the last.
 */
export const FIGURES: readonly string[] = [
  'tests/integration/fleet.test.ts',
  'tests/faults/outage',
  'tests/faults/outbox-burst.test.ts',
  'tests/faults/redis-faults.test.ts',
  'tests/acceptance/',
];

/** Those that can be kept waiting: they need a processor, and nothing of theirs has to be there soon. They give way. */
export const PATIENT: readonly string[] = [
  'tests/fast-path/',
  'tests/scenario/',
  'tests/simulation/',
  'tests/support/',
  'tests/types/',
  'tests/unit/',
];

const ROOT = resolve(import.meta.dirname, '../..');
/** What `bun test` takes for a test file. */
const TEST_FILES = new Glob('tests/**/*{.,_}{test,spec}.{ts,tsx,mts,cts,js,jsx,mjs,cjs}');

/** The test files whose paths contain one of these words, or all of them if there is no word. */
export function testFiles(words: readonly string[] = []): string[] {
  const parts = words.map((word) => (isAbsolute(word) || word.startsWith('.') ? relative(ROOT, resolve(word)) : word));
  const files = [...TEST_FILES.scanSync(ROOT)].map((path) => path.replaceAll('\\', '/')).sort();
  return parts.length === 0 ? files : files.filter((path) => parts.some((part) => path.includes(part)));
}

/** Distributes test files: each into one part, the second for what is named in no list, and no part without files. */
export function partsOf(files: readonly string[]): Part[] {
  const figures = within(FIGURES, files);
  const shared = files.filter((path) => !figures.includes(path));
  const [fleets, patient] = [within(FLEETS, shared), within(PATIENT, shared)];
  const rest = shared.filter((path) => !fleets.includes(path) && !patient.includes(path));
  const parts: Part[] = [
    { name: 'fleets', files: fleets, niceness: 0, timeoutMs: 30_000 },
    { name: 'the rest', files: rest, niceness: 0, timeoutMs: 30_000 },
    { name: 'patient tests', files: patient, niceness: 10, timeoutMs: 300_000 },
    { name: 'figures', files: figures, niceness: 0, timeoutMs: 30_000, isAlone: true },
  ];
  return parts.filter((part) => part.files.length > 0);
}

/** Those of the files that are in one of these places, in their order; of several places, the last counts. */
function within(places: readonly string[], files: readonly string[]): string[] {
  const placeOf = (path: string) => places.findLastIndex((place) => path.startsWith(place));
  return files.filter((path) => placeOf(path) !== -1).sort((one, other) => placeOf(one) - placeOf(other));
}
