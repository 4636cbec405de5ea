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
}

/**
 * Most tests wait most of the time. Beside them run those that can be kept waiting themselves: they need a processor, and
 * nothing of theirs has to be there soon. Whatever is not named here is not beside.
 */
export const BESIDE: readonly string[] = [
  'tests/runtimes',
  'tests/scenario',
  'tests/simulation',
  'tests/support',
  'tests/types',
  'tests/unit',
];

/** Whose figures are judged: when what runs beside is done. The load of a thousand users is the very last. */
export const LAST: readonly string[] = ['tests/faults', 'tests/acceptance'];

const ROOT = resolve(import.meta.dirname, '../..');
/** What `bun test` takes for a test file. */
const TEST_FILES = new Glob('tests/**/*{.,_}{test,spec}.{ts,tsx,mts,cts,js,jsx,mjs,cjs}');

/** The test files whose paths contain one of these words, or all of them if there is no word. */
export function testFiles(words: readonly string[] = []): string[] {
  const parts = words.map((word) => (isAbsolute(word) || word.startsWith('.') ? relative(ROOT, resolve(word)) : word));
  const files = [...TEST_FILES.scanSync(ROOT)].map((path) => path.replaceAll('\\', '/')).sort();
  return parts.length === 0 ? files : files.filter((path) => parts.some((part) => path.includes(part)));
}

/** Distributes test files: each into one part, and no part without files. */
export function partsOf(files: readonly string[]): Part[] {
  const inside = (folders: readonly string[]) =>
    folders.flatMap((folder) => files.filter((path) => path.startsWith(`${folder}/`)));
  const [beside, last] = [inside(BESIDE), inside(LAST)];
  const first = files.filter((path) => !beside.includes(path) && !last.includes(path));
  const parts: Part[] = [
    { name: 'tests that wait', files: [...first, ...last], niceness: 0, timeoutMs: 30_000 },
    { name: 'tests beside', files: beside, niceness: 10, timeoutMs: 300_000 },
  ];
  return parts.filter((part) => part.files.length > 0);
}
