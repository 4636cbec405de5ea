/** What lives until the last test file of this process is done: `runEnd.use(server)`. The preload disposes of it. */
export const runEnd = new AsyncDisposableStack();
