import { isAbsolute, relative, resolve } from 'node:path';
import { Glob } from 'bun';

/** Test files that one process runs. */
export interface Part {
  readonly name: string;
  /** Relative to the project. */
  readonly files: readonly string[];
  /** Whether it leaves the processors to the others where there are too few. */
  readonly givesWay: boolean;
}

/**
 * Folders whose tests need a processor and nothing else: no servers, no processes, no moments. They run beside the rest,
 * which waits most of the time, and give way to it. Whatever is not named here belongs to the rest.
 */
export const BESIDE: readonly string[] = ['tests/scenario', 'tests/simulation', 'tests/types', 'tests/unit'];

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
  const isBeside = (path: string) => BESIDE.some((folder) => path.startsWith(`${folder}/`));
  const parts: Part[] = [
    { name: 'tests with servers', files: files.filter((path) => !isBeside(path)), givesWay: false },
    { name: 'tests without servers', files: files.filter(isBeside), givesWay: true },
  ];
  return parts.filter((part) => part.files.length > 0);
}
