/**
 * Calls what belongs to others, and whose fault is its own. What it throws is swallowed, and so is what its promise rejects
 * with, if it is an asynchronous function: a rejection that no code handles would end the process on Node.
 * @returns the answer; nothing where the call has thrown.
 */
export function quietly<T>(call: () => T): T | undefined {
  try {
    const answer = call();
    dropRejection(answer);
    return answer;
  } catch {
    // The caller has no use for the error.
    return undefined;
  }
}

/** Takes the rejection of what user code answered, if that is a promise where none was wanted. */
export function dropRejection(answer: unknown): void {
  if (answer instanceof Promise) answer.catch(ignore);
}

/** Handles a rejection of which other code is told. */
export function ignore(): void {}
