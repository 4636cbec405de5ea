import type { Flight } from './flights.ts';
import type { StoredRecord } from './ports.ts';
import type { ReadRequest } from './read-request.ts';
import type { Refilled } from './refilled.ts';
import type { Asked } from './remote.ts';
import type { Generations } from './tags.ts';

/** What L2 held of a key; `none`: the lease under `token` is mine. */
export interface Acquired {
  readonly record: StoredRecord;
  readonly token: string;
  /** The generation in which it was asked. */
  readonly generation: string;
}

/** What a flight asks L2 about its key. */
export interface Question {
  readonly request: ReadRequest;
  readonly flight: Flight<Refilled>;
  /**
   * Told what came of it, the tags' generations as of then (to be read: others are told of the same), and what time it is.
   * It does not throw.
   */
  onAcquired(asked: Asked<Acquired>, generations: Generations, now: number): void;
}
