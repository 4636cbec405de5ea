import type { Elysia } from 'elysia';

/** A server that takes requests. */
export interface RunningServer {
  /** The server's origin, with its actual port. */
  readonly url: string;
  /** Takes no new connections, answers the requests under way, then closes the remaining connections. */
  stop(): Promise<void>;
}

/** The service cannot listen on the address. `cause` says why. */
export class ListenError extends Error {
  override readonly name = 'ListenError';
}

const POLL_MS = 5;

/**
 * Makes an app listen.
 * @throws {@link ListenError} when the address is not available.
 */
export function listen(app: Elysia, { host, port }: { readonly host: string; readonly port: number }): RunningServer {
  // Without `reusePort`, a second service on the same port is an error. With it, the two would share the requests silently.
  // In development mode, an answer to an error would show its stack.
  try {
    app.listen({ hostname: host, port, reusePort: false, development: false });
  } catch (cause) {
    throw new ListenError(`${host}:${port} cannot be listened on`, { cause });
  }
  const { server } = app;
  if (server === null) throw new Error(`${host}:${port} is not being listened on`);
  const { origin } = server.url;
  return {
    url: origin,
    async stop() {
      // `stop` resolves only when the last connection has closed, and clients keep idle ones open for long.
      const gone = server.stop();
      while (server.pendingRequests > 0) await new Promise((resolve) => setTimeout(resolve, POLL_MS));
      await app.stop(true);
      await gone;
    },
  };
}
