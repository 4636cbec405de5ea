import type { EntryId } from '../model/key.ts';
import type { Generations } from '../model/tags.ts';
import type { RemoteError, StoredRecord } from '../ports/remote-tier.ts';
import type { Asked } from '../tiers/guarded-l2.ts';
import type { Flight } from './flight.ts';
import type { RefillResult } from './refill-result.ts';
import type { ReadRequest } from './request.ts';

/** Under what keys were asked for. */
export interface Terms {
  /** Of the lease, where a key held nothing. */
  readonly token: string;
  readonly generation: string;
}

/** What a flight asks L2 about its key. */
export interface AcquireRequest {
  readonly request: ReadRequest;
  readonly flight: Flight<RefillResult>;
  /** Its place among the questions of its batch; set when it is asked. */
  place: number;
}

/** The answer to every question of one batch. Each flight reads its own part of it, in the context of its own caller. */
export interface BatchAnswer {
  /** Shared by all questions; not ok when L2 did not answer at all. */
  readonly terms: Asked<Terms>;
  /** Of each question, by its place: what L2 held, or what L2 refused this key with. `none`: the lease is the flight's. */
  readonly records: readonly (StoredRecord | RemoteError)[];
  /** Of the tags of all questions, as of then. Flights read it and do not change it. */
  readonly generations: Generations;
  /** When the answer arrived. */
  readonly now: number;
  /** Whether a caller has told of a key that L2 refused. */
  wasRefused?: boolean;
}

/** Questions of one turn of the event loop and of the same terms, which L2 is asked as one. */
export class QuestionBatch {
  readonly questions: AcquireRequest[] = [];
  readonly budgetMs: number;
  readonly leaseMs: number;
  /** The longest that it may take behind others. */
  readonly mostMs: number;
  /** Whether it takes no other question. */
  readonly isAlone: boolean;
  /** Resolves for all of them; never rejects. */
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
