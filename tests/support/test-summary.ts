/** What a run of `bun test` came to. */
export interface TestSummary {
  readonly passed: number;
  /** Tests that failed, and errors outside of any test. */
  readonly failed: number;
}

/**
 * Reads the closing lines of `bun test`, e.g. ` 24 pass`.
 *
 * @param output All that it wrote to standard error.
 * @param status Its exit code. A run that ended badly without a failed test, because it crashed or found no test, counts
 * as one failure: it is never to look like a success.
 */
export function summarise(output: string, status: number): TestSummary {
  const lines = Bun.stripANSI(output).split('\n');
  const count = (word: string) => {
    const line = lines.findLast((one) => new RegExp(`^ \\d+ ${word}s?$`).test(one));
    return line === undefined ? 0 : Number.parseInt(line, 10);
  };
  const passed = count('pass');
  const failed = count('fail') + count('error');
  const isSuspicious = failed === 0 && (status !== 0 || passed === 0);
  return { passed, failed: isSuspicious ? 1 : failed };
}
