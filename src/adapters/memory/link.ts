/**
 * Decides when a remote call takes effect and when its caller learns of it. `act` is the atomic effect: run it once, or
 * never and reject (the request was lost). `what` reads `<connection> <operation> <key>`. Replies of one connection
 * come in the order of its calls with real servers; a scheduler that reorders them tests more than can happen.
 */
export type Schedule = <T>(what: string, act: () => T) => Promise<T>;

/** One run of a server. What was sent to one run cannot reach another. */
export interface Run {
  readonly epoch: string;
}

/** The server as its connections see it. */
export interface ServerLink {
  readonly schedule: Schedule;
  /** Runs the next step of the named connection's stream at its time. */
  readonly deliver: (run: () => void, connection: string) => void;
  /** The run that answers now; `undefined` while stopped. */
  readonly run: Run | undefined;
}
