import type { BackgroundTasks } from './background.ts';
import type { Clock, Random } from './clock.ts';
import type { Counters } from './counters.ts';
import type { CacheEvent, Observer } from './events.ts';
import type { Flights } from './flights.ts';
import type { KnownIds } from './known-ids.ts';
import type { Outbox } from './outbox.ts';
import type { PendingInvalidations } from './pending.ts';
import type { Codec, LocalTier } from './ports.ts';
import type { Proof } from './proof.ts';
import type { Question, TagRead } from './question.ts';
import type { RecentInvalidations } from './recent.ts';
import type { Refilled } from './refilled.ts';
import type { Remote } from './remote.ts';
import type { Source } from './source.ts';
import type { TagRegistry } from './tags.ts';
import type { Tracer } from './tracer.ts';

/** What the steps of one cache share. Built once by `createCache`; namespaces of the cache use the same. */
export interface Parts {
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
  /** What is longer than this when encoded, in UTF-8 bytes, neither goes to L2 nor is believed when it comes from there. */
  readonly maxValueBytes: number;
  readonly l1: LocalTier;
  /** Absent without an L2. */
  readonly remote: Remote | undefined;
  /** Asked in this turn of the event loop, and not sent yet. */
  readonly questions: Question[];
  /** The same of tags. */
  readonly tagReads: TagRead[];
  readonly knownIds: KnownIds;
  readonly hasBus: boolean;
  /** Where the source remembers what L2 has to be told; absent where nobody writes it down. */
  readonly outbox: Outbox | undefined;
  readonly proof: Proof;
  readonly tags: TagRegistry;
  readonly flights: Flights<Refilled>;
  readonly source: Source;
  readonly pending: PendingInvalidations;
  readonly recent: RecentInvalidations;
  readonly counters: Counters;
  readonly background: BackgroundTasks;
  readonly emit: (event: CacheEvent) => void;
  /** Whom {@link emit} tells. */
  readonly observers: ReadonlySet<Observer>;
  /** Replaced when telemetry is attached. */
  tracer: Tracer;
}
