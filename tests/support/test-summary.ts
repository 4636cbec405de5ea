/** What a run of `bun test` came to. */
export interface TestSummary {
  readonly passed: number;
  /** Tests that failed, and errors outside of any test. */
  readonly failed: number;
}

const NONE_OF_THAT_NAME = /^error: regex .* matched 0 tests\./m;

/**
 * Reads the closing lines of `bun test`, e.g. ` 24 pass`.
 *
 * @param output All that it wrote to standard error.
 * @param status Its exit code. A run that ended badly without a failed test, because it crashed or ran no test, counts
 * as one failure: it is never to look like a success. One that had files, but no test of the name that was asked for, is
 * neither.
 */
export function summarise(output: string, status: number): TestSummary {
  const plain = Bun.stripANSI(output);
  const lines = plain.split('\n');
  if (NONE_OF_THAT_NAME.test(plain)) return { passed: 0, failed: 0 };
  const count = (word: string) => {
    const line = lines.findLast((one) => new RegExp(`^ \\d+ ${word}s?$`).test(one));
    return line === undefined ? 0 : Number.parseInt(line, 10);
  };
  const passed = count('pass');
  const failed = count('fail') + count('error');
  const isSuspicious = failed === 0 && (status !== 0 || passed === 0);
  return { passed, failed: isSuspicious ? 1 : failed };
}

/** What several runs came to together: without any test at all, to a failure. */
export function sumUp(summaries: readonly TestSummary[]): TestSummary {
  const passed = summaries.reduce((sum, one) => sum + one.passed, 0);
  const failed = summaries.reduce((sum, one) => sum + one.failed, 0);
  return { passed, failed: passed + failed === 0 ? 1 : failed };
}
