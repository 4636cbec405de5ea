/**
 * Calls a listener whose fault is its own. What it throws is swallowed, and so is what its promise rejects with, if it is an
 * asynchronous function: a rejection that no code handles would end the process on Node.
 */
export function quietly(tell: () => unknown): void {
  try {
    dropRejection(tell());
  } catch {
    // The caller of a listener has no use for its error.
  }
}

/** Takes the rejection of what user code answered, if that is a promise where none was wanted. */
export function dropRejection(answer: unknown): void {
  if (answer instanceof Promise) answer.catch(ignore);
}

function ignore(): void {}
