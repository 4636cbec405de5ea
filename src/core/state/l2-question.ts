import type { EntryId } from '../model/key.ts';
import type { Generations } from '../model/tags.ts';
import type { StoredRecord } from '../ports/remote-tier.ts';
import type { Asked } from '../tiers/guarded-l2.ts';
import type { Flight } from './flight.ts';
import type { Refilled } from './refill-result.ts';
import type { ReadRequest } from './request.ts';

/** Under what keys were asked for. */
export interface Terms {
  /** Of the lease, where a key held nothing. */
  readonly token: string;
  readonly generation: string;
}

/** What a flight asks L2 about its key. */
export interface Question {
  readonly request: ReadRequest;
  readonly flight: Flight<Refilled>;
  /**
   * Told what came of it. It does not throw.
   * @param record What L2 held; `none`: the lease is mine. Nothing when `asked` is not ok.
   * @param asked Shared with others who asked in the same turn.
   * @param generations Of the tags, as of then. To be read: others are told of the same.
   */
  onAcquired(record: StoredRecord | undefined, asked: Asked<Terms>, generations: Generations, now: number): void;
}

/** What somebody asks L2 about tags. */
export interface TagRead {
  readonly key: string;
  readonly tags: readonly EntryId[];
  /** How long L2 is to keep their generations, in milliseconds. */
  readonly keepFor: number;
  readonly budgetMs: number;
  /** Told what came of it; the generations of other tags, asked for in the same turn, are among them. It does not throw. */
  onRead(asked: Asked<Generations>): void;
}
