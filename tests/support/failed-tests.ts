/** Lines of a failed test's own output that are repeated: those nearest to its name. */
const LINES = 60;

const FILE = /^\S+\.(?:test|spec)\.[cm]?[jt]sx?:$/;
const RESULT = /^\((?:pass|skip|todo|fail)\) /;
/** Behind it `bun test` repeats the names, without their files. */
const SUMMARY = /^\d+ tests? (?:failed|skipped|todo):$/;
const OUTSIDE = '# Unhandled error between tests';

/**
 * Finds the failed tests in what `bun test` wrote to standard error.
 *
 * @returns Each with its file, what it printed, and its name: the end of a long run is all that some displays show.
 */
export function failedTests(output: string): string[] {
  const failures: string[] = [];
  let file = '';
  let own: string[] = [];
  for (const line of Bun.stripANSI(output).split('\n')) {
    if (SUMMARY.test(line)) break;
    if (FILE.test(line)) {
      file = line;
      own = [];
    } else if (RESULT.test(line)) {
      if (line.startsWith('(fail)') || own.includes(OUTSIDE)) failures.push(excerpt(file, [...own, line]));
      own = [];
    } else if (line.trim() !== '') own.push(line);
  }
  if (own.includes(OUTSIDE)) failures.push(excerpt(file, own));
  return failures;
}

function excerpt(file: string, lines: readonly string[]): string {
  return [file, ...lines.slice(-LINES)].join('\n');
}
