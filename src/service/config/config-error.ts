/** The environment cannot be used. Names every problem, not only the first; secrets are never part of the text. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';
  readonly code = 'INVALID_CONFIG';
  /** One sentence each, beginning with the variable's name. */
  readonly problems: readonly string[];
  constructor(problems: readonly string[]) {
    const count = problems.length === 1 ? 'one problem' : `${problems.length} problems`;
    super(`The configuration has ${count}:\n${problems.map((problem) => `  ${problem}`).join('\n')}`);
    this.problems = problems;
  }
}

/** The exit code for a configuration that cannot be used (`EX_CONFIG` of sysexits.h). */
export const EXIT_BAD_CONFIG = 78;
