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

/** What the steps of one cache share. Built once by `createCache`; namespaces of the cache use the same. */
export interface CacheContext {
  readonly name: string;
  /** Tells this cache apart from every other one on the bus. */
  readonly instance: string;
  /** Schema version of the values; see `Envelope.version`. */
  readonly version: string;
  /** The bound D on staleness, in milliseconds. */
  readonly maxLagMs: number;
  readonly clock: Clock;
  readonly random: Random;
  readonly codec: Codec;
  /** Whether a value from L2 can be used; absent where every value can. */
  readonly validate: ((value: unknown, key: string) => boolean) | undefined;
  /** What is longer than this when encoded, in UTF-8 bytes, neither goes to L2 nor is believed when it comes from there. */
  readonly maxValueBytes: number;
  readonly l1: GuardedL1;
  /** Absent without an L2. */
  readonly l2: GuardedL2 | undefined;
  /** Asked in this turn of the event loop, and not sent yet. */
  readonly questions: QuestionBatch[];
  /** The same of tags. */
  readonly tagReads: TagRead[];
  readonly knownIds: KnownIds;
  readonly hasBus: boolean;
  /** Where the source remembers what L2 has to be told; absent where nobody writes it down. */
  readonly outbox: Outbox | undefined;
  /** Writes into {@link outbox} what follows no change of a row. Absent without one. */
  readonly recorder: OutboxRecorder | undefined;
  readonly proof: Proof;
  readonly tags: TagRegistry;
  readonly flights: Flights<RefillResult>;
  readonly source: GuardedSource;
  readonly pending: PendingInvalidations;
  readonly recent: RecentInvalidations;
  readonly counters: Counters;
  readonly background: BackgroundTasks;
  /** Aborted when the cache closes and has waited long enough for what it was doing. */
  readonly ending: AbortSignal;
  readonly emit: (event: CacheEvent) => void;
  /** Whom {@link emit} tells. */
  readonly observers: ReadonlySet<Observer>;
  /** Replaced when telemetry is attached. */
  tracer: Tracer;
}
