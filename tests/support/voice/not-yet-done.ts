/**
 * Folders whose comments are still to be rewritten. A folder leaves the list when it meets the bounds, and none is added.
 * `bun run voice` marks those that may leave.
 */
export const NOT_YET_DONE: ReadonlySet<string> = new Set([]);
