import type { MemoryDatabase } from './database.ts';
import type { Shape } from './names.ts';

/**
 * Decides when a remote call takes effect and when its caller gets the reply. `act` is the atomic effect: run it once,
 * or never and reject, as for a lost request. `what` reads `<connection> <operation> <key>`. A real server replies to
 * the calls of one connection in their order. A scheduler that reorders them tests more than can happen.
 */
export type Schedule = <T>(what: string, act: () => T) => Promise<T>;

/** One run of a server. A call that was sent to one run cannot reach another. */
export interface Run {
  readonly epoch: string;
  readonly database: MemoryDatabase;
}

/** The server as its connections see it. */
export interface ServerLink {
  /** Shapes of the records of all caches that have been started here. */
  readonly shapes: Set<Shape>;
  readonly schedule: Schedule;
  /** Runs the next step of the named connection's stream at its time. */
  readonly deliver: (run: () => void, connection: string) => void;
  /** Reports the loss of the named connection to its owner. */
  readonly interrupt: (run: () => void, connection: string) => void;
  /** Returns the run that the named connection would reach now; `undefined` when there is none. */
  reach(connection: string): Run | undefined;
  /** Returns true when a run still answers its connections. */
  isUp(run: Run): boolean;
}
