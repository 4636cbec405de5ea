import type { EntryId } from '../model/key.ts';
import type { Generations } from '../model/tags.ts';
import type { RemoteError, StoredRecord } from '../ports/remote-tier.ts';
import type { Asked } from '../tiers/guarded-l2.ts';
import type { Flight } from './flight.ts';
import type { RefillResult } from './refill-result.ts';
import type { ReadRequest } from './request.ts';

/** The token and the generation with which keys were asked for. */
export interface Terms {
  /** The token of the lease that L2 gives to a key without a record. */
  readonly token: string;
  readonly generation: string;
}

/** The question of one flight to L2 about its key. */
export interface AcquireRequest {
  readonly request: ReadRequest;
  readonly flight: Flight<RefillResult>;
  /** The place among the questions of its batch. The batch sets it. */
  place: number;
}

/**
 * The answer to all questions of one batch. Each flight reads its own part, in the asynchronous context of its caller.
 */
export interface BatchAnswer {
  /** The terms of all questions, or the reason why L2 answered none of them. */
  readonly terms: Asked<Terms>;
  /**
   * The record of each question by its place, or the error with which L2 refused the key. `none`: the flight has the
   * lease.
   */
  readonly records: readonly (StoredRecord | RemoteError)[];
  /** The generations of the tags of all questions at that time. Flights only read it. */
  readonly generations: Generations;
  /** The moment at which the answer arrived. */
  readonly now: number;
  /** True when a caller has reported a key that L2 refused. */
  wasRefused?: boolean;
}

/** Questions of one turn of the event loop with the same terms. L2 is asked all of them in one call. */
export class QuestionBatch {
  readonly questions: AcquireRequest[] = [];
  readonly budgetMs: number;
  readonly leaseMs: number;
  /** The longest time that the batch may take behind others, in milliseconds. */
  readonly mostMs: number;
  /** True when it takes no other question. */
  readonly isAlone: boolean;
  /** Resolves with the answer to all questions. It never rejects. */
  readonly answered: Promise<BatchAnswer>;
  readonly #resolve: (answer: BatchAnswer) => void;

  constructor(budgetMs: number, leaseMs: number, mostMs: number, isAlone: boolean) {
    const { promise, resolve } = Promise.withResolvers<BatchAnswer>();
    this.budgetMs = budgetMs;
    this.leaseMs = leaseMs;
    this.mostMs = mostMs;
    this.isAlone = isAlone;
    this.answered = promise;
    this.#resolve = resolve;
  }

  add(request: AcquireRequest): void {
    request.place = this.questions.length;
    this.questions.push(request);
  }

  answer(answer: BatchAnswer): void {
    this.#resolve(answer);
  }
}

/** One request for the generations of tags. */
export interface TagRead {
  readonly key: string;
  readonly tags: readonly EntryId[];
  /** The time for which L2 keeps the generations, in milliseconds. */
  readonly keepFor: number;
  readonly budgetMs: number;
  /**
   * Receives the outcome. It contains the generations of other tags that were read in the same turn. It must not throw.
   */
  onRead(asked: Asked<Generations>): void;
}
