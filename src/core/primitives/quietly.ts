/**
 * Calls user code, and drops the error that it throws or that its promise rejects with. An unhandled rejection would
 * end the process on Node.
 * @returns The answer of the call; `undefined` where it threw.
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

/** Handles the rejection of a promise that user code returned where no promise was expected. */
export function dropRejection(answer: unknown): void {
  if (answer instanceof Promise) answer.catch(ignore);
}

/** Handles a rejection that other code reports. */
export function ignore(): void {}
