import type { MemoryDatabase } from './database.ts';
import type { Shape } from './names.ts';

/**
 * Decides when a remote call takes effect and when its caller learns of it. `act` is the atomic effect: run it once, or
 * never and reject (the request was lost). `what` reads `<connection> <operation> <key>`. Replies of one connection
 * come in the order of its calls with real servers; a scheduler that reorders them tests more than can happen.
 */
export type Schedule = <T>(what: string, act: () => T) => Promise<T>;

/** One run of a server. What was sent to one run cannot reach another. */
export interface Run {
  readonly epoch: string;
  readonly database: MemoryDatabase;
}

/** The server as its connections see it. */
export interface ServerLink {
  /** Of the records of all caches that have been started here. */
  readonly shapes: Set<Shape>;
  readonly schedule: Schedule;
  /** Runs the next step of the named connection's stream at its time. */
  readonly deliver: (run: () => void, connection: string) => void;
  /** Tells the named connection's owner that it is lost. */
  readonly interrupt: (run: () => void, connection: string) => void;
  /** The run that the named connection would be made to now; `undefined` when there is none. */
  reach(connection: string): Run | undefined;
  /** Whether a run still answers those who are connected to it. */
  isUp(run: Run): boolean;
}
