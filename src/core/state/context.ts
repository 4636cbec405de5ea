import type { Counters } from '../model/counters.ts';
import type { CacheEvent, Observer } from '../model/events.ts';
import type { TagRegistry } from '../model/tags.ts';
import type { Codec } from '../ports/codec.ts';
import type { Outbox } from '../ports/outbox.ts';
import type { Tracer } from '../ports/tracer.ts';
import type { BackgroundTasks } from '../primitives/background-tasks.ts';
import type { Clock, Random } from '../primitives/clock.ts';
import type { GuardedL1 } from '../tiers/guarded-l1.ts';
import type { GuardedL2 } from '../tiers/guarded-l2.ts';
import type { GuardedSource } from '../tiers/guarded-source.ts';
import type { Flights } from './flights.ts';
import type { KnownIds } from './id-cache.ts';
import type { QuestionBatch, TagRead } from './l2-question.ts';
import type { OutboxRecorder } from './outbox-recorder.ts';
import type { PendingInvalidations } from './pending-invalidations.ts';
import type { Proof } from './proof.ts';
import type { RecentInvalidations } from './recent-invalidations.ts';
import type { RefillResult } from './refill-result.ts';
import type { RefusedValues } from './refused-values.ts';

/** The state that the steps of one cache share. `createCache` builds it once for all namespaces. */
export interface CacheContext {
  readonly name: string;
  /** Tells this cache apart from every other cache on the bus. */
  readonly instance: string;
  /** Schema version of the values; see `Envelope.version`. */
  readonly version: string;
  /** The bound D on staleness, in milliseconds. */
  readonly maxLagMs: number;
  readonly clock: Clock;
  readonly random: Random;
  readonly codec: Codec;
  /** Checks a value from L2: a value that it refuses is a miss. Absent when every value is valid. */
  readonly validate: ((value: unknown, key: string) => boolean) | undefined;
  readonly refused: RefusedValues;
  /** The largest encoded value, in UTF-8 bytes. A longer one is not stored in L2, and is a miss there. */
  readonly maxValueBytes: number;
  readonly l1: GuardedL1;
  /** Absent when the cache has no L2. */
  readonly l2: GuardedL2 | undefined;
  /** Batches of this turn of the event loop that have not been sent yet. */
  readonly questions: QuestionBatch[];
  /** Reads of tag generations of this turn that have not been sent yet. */
  readonly tagReads: TagRead[];
  readonly knownIds: KnownIds;
  readonly hasBus: boolean;
  /** The record, kept in the source, of invalidations that L2 must be told. Absent when the cache has no outbox. */
  readonly outbox: Outbox | undefined;
  /** Writes those invalidations into {@link outbox} that follow no change of a row. Absent without an outbox. */
  readonly recorder: OutboxRecorder | undefined;
  readonly proof: Proof;
  readonly tags: TagRegistry;
  readonly flights: Flights<RefillResult>;
  readonly source: GuardedSource;
  readonly pending: PendingInvalidations;
  readonly recent: RecentInvalidations;
  readonly counters: Counters;
  readonly background: BackgroundTasks;
  /** Aborted when the cache closes and the time that it grants its work is over. */
  readonly ending: AbortSignal;
  readonly emit: (event: CacheEvent) => void;
  /** The observers that {@link emit} calls. */
  readonly observers: ReadonlySet<Observer>;
  /** `TieredCache.attach` replaces it. */
  tracer: Tracer;
}
