/** The environment cannot be used. The error names every problem, not only the first, and its text never holds a secret. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';
  readonly code = 'INVALID_CONFIG';
  /** One sentence for each problem. It begins with the variable's name. */
  readonly problems: readonly string[];
  constructor(problems: readonly string[]) {
    const count = problems.length === 1 ? 'one problem' : `${problems.length} problems`;
    super(`The configuration has ${count}:\n${problems.map((problem) => `  ${problem}`).join('\n')}`);
    this.problems = problems;
  }
}

/** The exit code for a configuration that cannot be used (`EX_CONFIG` of sysexits.h). */
export const EXIT_BAD_CONFIG = 78;
