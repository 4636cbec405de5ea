import type { InvalidationOrder } from '../model/invalidation.ts';
import type { EntryId } from '../model/key.ts';
import type { KnownTags, TagGeneration } from '../model/tags.ts';
import type { CacheIdentity } from './cache-identity.ts';
import type { Packing } from './codec.ts';
import type { ClaimAnswer, LoadOutcome, OutcomeNote } from './load-outcome.ts';
import type { RemoteInfo } from './server-info.ts';
import type { SweepRequest, SweptStep } from './sweeps.ts';

/** A value as L2 holds it. The adapter owns the byte form of all fields but `body`, which only the codec reads. */
export interface StoredValue {
  /** Drawn anew whenever the record is written. Two records with one token are the same record. */
  readonly token: string;
  /** Moment at which the value was loaded, in milliseconds of the L2 server's clock. */
  readonly storedAt: number;
  /** Moment at which the value was marked expired, in milliseconds of the server's clock; 0 when it was not. */
  readonly expiredAt: number;
  /** The envelope as {@link Codec.encode} wrote it. */
  readonly body: string | Uint8Array;
  /** The reason why the tier does not hand the body out, which is empty then; a clause whose subject is "they", the bytes. */
  readonly broken?: string;
}

/** The content of a key in L2. */
export type StoredRecord =
  | { readonly kind: 'none' }
  | { readonly kind: 'value'; readonly value: StoredValue }
  /** An instance holds the right to fill this key. There is no value yet. */
  | { readonly kind: 'lease'; readonly token: string }
  /** A load of this key has just ended without a value for L2; see {@link RemoteTier.leaveOutcome}. */
  | { readonly kind: 'outcome'; readonly outcome: LoadOutcome };

/** The history of L2 that a caller believes. Scripts refuse to write when the server has another one. */
export interface Session {
  /** Identifies one run of one L2 server process (the first 16 digits of Redis's run id). */
  readonly epoch: string;
  /** Part of every physical key, so each generation has its own set of entries. */
  readonly generation: string;
}

/** Returns true when both name the same history. No history is not the same as any other. */
export function isSameHistory(one: Session | undefined, other: Session): boolean {
  return one?.epoch === other.epoch && one.generation === other.generation;
}

/**
 * The answer to one heartbeat. The server reads all of it in the atomic step that writes and publishes the heartbeat.
 */
export interface Heartbeat {
  readonly epoch: string;
  /** Number of the last invalidation of this epoch. */
  readonly sequence: number;
  /** Milliseconds of the server's clock. */
  readonly time: number;
  /** The generation agreed for this epoch; `undefined` while there is none. */
  readonly generation: string | undefined;
  /** The {@link Agreement.term} of that generation; 0 when there is none. */
  readonly term: number;
  /**
   * True when entries of this cache's version and format may lie in that generation. A generation has eight places. A
   * version whose heartbeat arrives takes one while there is room, and keeps it as long as the generation lasts.
   */
  readonly hasPlace: boolean;
  /**
   * The last heartbeat before this one that found a generation, of any instance; `undefined`: none is known. After a
   * restart it tells the time of the data, and the generation of its entries.
   */
  readonly last: { readonly time: number; readonly generation: string } | undefined;
  /** Names the contents of the server as long as they last, over restarts and failovers. All its instances see the same. */
  readonly identity: string;
  /** Number of requests for a mark that instances have made in this epoch, this heartbeat included. */
  readonly marksRequested: number;
  /**
   * Number of the latest mark of this epoch; 0 for none. Changes committed before that request have all been delivered.
   */
  readonly marksCompleted: number;
  /** True when an instance has said in this epoch that it believes this generation, with all repairs done. */
  readonly isVouchedFor: boolean;
}

/** A generation that the instances use in one epoch. */
export interface Agreement {
  readonly generation: string;
  /**
   * Puts agreements in order: greater than each term that its proposer had used, and not below the server's clock in
   * ms.
   */
  readonly term: number;
}

/** A generation with entries from before, from which all changes committed since have been removed. */
export interface RepairedGeneration {
  readonly epoch: string;
  readonly generation: string;
  /** The moment up to which committed changes are removed, in the server's time. */
  readonly since: number;
  /** Longest time since that moment, in milliseconds, for which the generation may be adopted. */
  readonly withinMs: number;
  /** {@link Heartbeat.marksRequested} at that moment: the mark that is left with the generation. */
  readonly mark: number;
  /** Lower bound of the new term, which is greater than this one. Default 0. */
  readonly after?: number;
}

/** The answer of a script when the caller's {@link Session} is not the server's. The script has done nothing. */
export interface SessionMismatch {
  readonly kind: 'session-mismatch';
}

/** The outcome of one step of {@link RemoteTier.sweepOthers}. */
export type SweptOthers =
  /** Without a cursor the sweep is done. */
  | { readonly kind: 'done'; readonly removed: number; readonly cursor?: string }
  /** Another instance sweeps, or has swept. */
  | { readonly kind: 'elsewhere' };

/** A request to store a loaded value; see {@link RemoteTier.fill}. */
export interface FillRequest {
  readonly id: EntryId;
  readonly generation: string;
  /** Condition of the fill: the record is still the caller's lease, or the value that the caller set out to replace. */
  readonly expected: { readonly kind: 'lease' | 'value'; readonly token: string };
  /** A refresh claim to release in the same step; see {@link RemoteTier.claimRefresh}. */
  readonly claim?: string | undefined;
  /** Token of the new record. */
  readonly token: string;
  readonly body: string | Uint8Array;
  /** Age of the value in milliseconds. The server stamps its own time less this. */
  readonly age: number;
  /**
   * Start of the load by the server's clock as the caller knows it. The stamp is no later, however slow the request
   * was.
   */
  readonly notAfter?: number | undefined;
  /** Time for which the record may stay, in milliseconds; `Infinity` for no expiry. At least 1. */
  readonly keepFor: number;
}

/** A request to store a value that a caller has set; see {@link RemoteTier.write}. */
export interface WriteRequest {
  readonly id: EntryId;
  readonly session: Session;
  readonly origin: string;
  readonly token: string;
  readonly body: string | Uint8Array;
  readonly keepFor: number;
  /**
   * Version of the value, a safe integer. The write is refused if a greater one is stored. Default: none is compared.
   */
  readonly version?: number | undefined;
}

/**
 * L2: a store that all instances share. Each method is one atomic step. The core takes care of order, budgets and
 * trust. Every method rejects with a {@link RemoteError} when the server cannot be asked or answers with an error. No
 * method waits for a connection that is not there. Calls of one tick travel together.
 */
export interface RemoteTier {
  /** Name for messages and telemetry: `redis`, `memory`. */
  readonly system: string;
  /** An object that all parts made together share. A bus with another one belongs to another tier. */
  readonly madeWith?: object | undefined;
  /** Compression of the bodies; absent where they are stored as the codec made them. */
  readonly packing?: Packing | undefined;
  /**
   * Calls `run` once, before the calls of this turn of the event loop are sent, so that its calls travel with them.
   * Where the tier cannot tell, or has no connection, it calls `run` at once or soon. `run` does not throw.
   */
  beforeSending(run: () => void): void;
  /**
   * Begins to connect and goes on trying until {@link close}. It never rejects for an absent server. The tier calls
   * `onDisconnect` as soon as a connection is lost, before a later call can reach another server. It calls `onConnect`
   * when calls can be made.
   * @param cache Decides the names of the records. Entries and claims of another version or format are kept apart. All
   *   caches of one name share tags, numbers, the generation, marks and heartbeats. An invalidation of a key reaches
   *   every version that has a place in the generation; see {@link Heartbeat.hasPlace}.
   */
  start(listener: RemoteListener, cache: CacheIdentity): void;
  /**
   * Writes the heartbeat record, publishes {@link HeartbeatEcho} to `instance`'s own channel and reads the session. A
   * server that may not write, such as a cut-off old master, must not prove anything. {@link Heartbeat.last} keeps its
   * content while the epoch has no generation.
   * @param wantsMark True to request a mark as well; see {@link Heartbeat.marksRequested}.
   * @param believed The generation for which the caller vouches, if it is the agreed one; see
   *   {@link Heartbeat.isVouchedFor}.
   */
  heartbeat(instance: string, nonce: string, wantsMark?: boolean, believed?: string): Promise<Heartbeat>;
  /**
   * Sets the epoch's generation to `proposal`, a fresh one, and returns the agreement of the epoch. It is set in three
   * cases: the epoch has no generation, or has the one that the proposal `replaces`, or has one whose term is not
   * greater than `after`. The step completes all requested marks, since a fresh generation holds nothing old. Rejects
   * in another epoch.
   * @param after The term of the last agreement that the caller has used. Default 0, none.
   */
  agreeGeneration(epoch: string, proposal: string, replaces?: string, after?: number): Promise<Agreement>;
  /**
   * Sets the epoch's generation to a repaired one, if it has none, and leaves the mark of the repair.
   * @returns The generation; `undefined` when too much time has passed, or in another epoch: then nothing was done.
   */
  adoptGeneration(repaired: RepairedGeneration): Promise<string | undefined>;
  /**
   * Says that changes committed before this mark was requested are delivered. No effect in another epoch or on later
   * marks.
   */
  leaveMark(epoch: string, mark: number): Promise<void>;
  /**
   * Reads a key. If the key holds nothing, it takes the lease under `token` for `leaseMs` and answers `none`. A full
   * server grants no lease and still answers with the record. It rejects as `full` only when there is no record. A
   * lease or note of another caller that lasts longer than {@link longestLeaseMs} is given the length of a lease. The
   * lease begins at `askedAt`, by the server's clock as the caller knows it. A request that was delayed for longer than
   * its lease therefore holds up no reader: its caller has gone.
   */
  acquire(id: EntryId, generation: string, token: string, leaseMs: number, askedAt?: number): Promise<StoredRecord>;
  /**
   * Acquires several keys, all different, in one request and under one token. Each is treated as in {@link acquire}.
   * The error of one key stands in its place. The call rejects only when the server cannot be asked at all.
   */
  acquireMany(
    ids: readonly EntryId[],
    generation: string,
    token: string,
    leaseMs: number,
    askedAt: number,
  ): Promise<readonly (StoredRecord | RemoteError)[]>;
  /** Reads a key and changes nothing. */
  read(id: EntryId, generation: string): Promise<StoredRecord>;
  /** Reads many keys at once and changes nothing. The records come in the order asked. */
  readMany(ids: readonly EntryId[], generation: string): Promise<readonly StoredRecord[]>;
  /** Returns the milliseconds until the record expires; `Infinity` for never, `undefined` when there is none. */
  remaining(id: EntryId, generation: string): Promise<number | undefined>;
  /**
   * Stores a loaded value. It resolves with `false`, and changes nothing, in three cases: the record is not the
   * expected one any more; the request's generation is not the agreed one; this cache's version has no place in it.
   */
  fill(request: FillRequest): Promise<boolean>;
  /** Releases a lease if the caller still holds it. */
  release(id: EntryId, generation: string, token: string): Promise<void>;
  /** Extends a lease that the caller still holds, and never creates one. Resolves with `true` when it did. */
  renew(id: EntryId, generation: string, token: string, leaseMs: number): Promise<boolean>;
  /**
   * Claims the right to refresh a key that holds a value: one holder in the fleet, for at most `leaseMs`. A claim of
   * another caller that outlasts {@link longestLeaseMs} is given the length of a lease.
   */
  claimRefresh(id: EntryId, generation: string, token: string, leaseMs: number): Promise<ClaimAnswer>;
  /** Extends a refresh claim that the caller still holds, and never creates one. Resolves with `true` when it did. */
  renewRefresh(id: EntryId, generation: string, token: string, leaseMs: number): Promise<boolean>;
  /** Releases a refresh claim if the caller still holds it. */
  releaseRefresh(id: EntryId, generation: string, token: string): Promise<void>;
  /**
   * Replaces the lease or claim that the caller still holds by a note: the load brought no value for L2. Readers of the
   * key learn it from the note, which grants nothing. An invalidation of the key removes the note of a lease.
   */
  leaveOutcome(note: OutcomeNote): Promise<void>;
  /**
   * Reads generations of tags, in the order asked, and keeps each for `keepFor` milliseconds more. A missing one is
   * created under the present number of the epoch: missing never means "zero".
   * @param known Generations that the caller remembers. A missing one comes back as it is remembered, but only while
   *   the caller has seen the last invalidation. A later one may have named the tag (race 57).
   */
  tagGenerations(
    tags: readonly EntryId[],
    generation: string,
    keepFor: number,
    known?: KnownTags,
  ): Promise<readonly TagGeneration[]>;
  /**
   * Takes the next number, removes or expires the keys in every version, moves the tags' generations, and publishes,
   * all in one step. It does nothing when `session` is not the server's. A tag without a generation gets none, and
   * takes no room. Its next reader makes one that no entry carries yet.
   * @param isRepair True to allow the step under the generation to be repaired, while the epoch has none.
   * @returns The number given.
   */
  invalidate(
    order: InvalidationOrder,
    session: Session,
    isRepair?: boolean,
  ): Promise<{ kind: 'done'; sequence: number } | SessionMismatch>;
  /**
   * Takes the next number, stores the value under a new token, removes the key in other versions, and publishes it, all
   * in one step. It answers `older` when a greater version is stored, in whatever version of the cache.
   */
  write(request: WriteRequest): Promise<{ kind: 'done'; sequence: number } | { kind: 'older' } | SessionMismatch>;
  /**
   * Runs one bounded step of a sweep. It removes (`delete`) or expires entries of a generation that `matches` accepts,
   * in every version. The steps of one sweep, from no cursor to none, look at each entry that is there all the while. A
   * step publishes nothing: the caller sends the invalidation with the pattern after the last step.
   */
  sweep(request: SweepRequest): Promise<SweptStep>;
  /**
   * Removes a bounded number of records, claims and tags that lie in other generations than the session's, of every
   * version. No instance reads those any more. One instance sweeps for all: the first one that asks in a generation.
   * Another may take over when it has not asked for a minute. Once the sweep is done, no instance sweeps again in this
   * generation. The step does nothing when the session is not the server's: a history without a generation may still
   * adopt an old one.
   * @param cursor The cursor of the step before; absent in the first step.
   */
  sweepOthers(session: Session, holder: string, cursor?: string): Promise<SweptOthers | SessionMismatch>;
  /** Reads the figures that the server reports of itself, in one round trip. */
  info(): Promise<RemoteInfo>;
  /**
   * Reports to `onEvicted` each entry that the server drops to make room, where the server says so. `undefined` ends
   * this. Some evictions may go unheard. A repeated call restores a connection that was lost. This port holds it
   * because only the adapter reads names of records. It never throws.
   */
  watchEvictions(onEvicted: ((id: EntryId) => void) | undefined): void;
  /** Drops the connection and makes a new one. The caller uses it for a connection that is open and silent. */
  reset(): void;
  close(): Promise<void>;
}

/** Receives the events of a {@link RemoteTier}. */
export interface RemoteListener {
  onConnect(): void;
  onDisconnect(error: Error | undefined): void;
  /**
   * Reports a fault that an operator must mend: wrong password, missing right, version below the minimum. Once per
   * connection.
   */
  onAlarm(error: Error): void;
}

/** The reason why L2 could not answer. */
export type RemoteFailure =
  /** Connection refused, reset, closed; server loading, cluster down, not enough replicas. */
  | 'unavailable'
  /** The server is alive and refuses for a reason that an operator must mend: NOPERM, WRONGPASS, WRONGTYPE. */
  | 'denied'
  /** The server is alive and full (`maxmemory` with `noeviction`). */
  | 'full'
  /**
   * The server is alive and refuses the content of this request: a number out of range, a syntax that it does not know.
   */
  | 'invalid'
  /** Any other unexpected answer. */
  | 'error';

/** The error that a {@link RemoteTier} rejects with. */
export class RemoteError extends Error {
  override readonly name = 'RemoteError';
  readonly failure: RemoteFailure;
  constructor(failure: RemoteFailure, message: string, options?: { cause?: unknown }) {
    super(message, options);
    this.failure = failure;
  }
}

/** Returns true when a tier has rejected because its server is away. */
export function isUnavailable(error: unknown): boolean {
  return error instanceof RemoteError && error.failure === 'unavailable';
}
