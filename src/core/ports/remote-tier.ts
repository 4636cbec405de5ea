import type { InvalidationOrder } from '../model/invalidation.ts';
import type { EntryId } from '../model/key.ts';
import type { KnownTags, TagGeneration } from '../model/tags.ts';
import type { CacheIdentity } from './cache-identity.ts';
import type { Packing } from './codec.ts';
import type { ClaimAnswer, LoadOutcome, OutcomeNote } from './load-outcome.ts';
import type { RemoteInfo } from './server-info.ts';
import type { SweepRequest, SweptStep } from './sweeps.ts';

/**
 * A value as L2 holds it. The adapter owns the byte form of everything but `body`, which only the codec reads.
 */
export interface StoredValue {
  /** Drawn anew whenever the record is written: two records with one token are the same record. */
  readonly token: string;
  /** When the value was loaded, in milliseconds of the L2 server's clock. */
  readonly storedAt: number;
  /** When it was marked expired, in milliseconds of the server's clock; 0 when it was not. */
  readonly expiredAt: number;
  /** What {@link Codec.encode} made of the envelope. */
  readonly body: string | Uint8Array;
  /** The reason why the tier does not hand the body out, which is empty then; a clause whose subject is "they", the bytes. */
  readonly broken?: string;
}

/** What a key holds in L2. */
export type StoredRecord =
  | { readonly kind: 'none' }
  | { readonly kind: 'value'; readonly value: StoredValue }
  /** Somebody may fill this key; there is no value yet. */
  | { readonly kind: 'lease'; readonly token: string }
  /** A load of this key has just ended without a value for L2; see {@link RemoteTier.leaveOutcome}. */
  | { readonly kind: 'outcome'; readonly outcome: LoadOutcome };

/** The history that a caller believes it is talking to. Scripts refuse to write when it is another one. */
export interface Session {
  /** Identifies one run of one L2 server process (the first 16 digits of Redis's run id). */
  readonly epoch: string;
  /** Part of every physical key: another generation, another set of entries. */
  readonly generation: string;
}

/** Says if both name the same history; no history is the same as none. */
export function isSameHistory(one: Session | undefined, other: Session): boolean {
  return one?.epoch === other.epoch && one.generation === other.generation;
}

/** The answer to one heartbeat, all read in the same atomic step as its write and its publication. */
export interface Heartbeat {
  readonly epoch: string;
  /** Number of the last invalidation of this epoch. */
  readonly sequence: number;
  /** Milliseconds of the server's clock. */
  readonly time: number;
  /** The generation agreed for this epoch; `undefined` when there is none yet. */
  readonly generation: string | undefined;
  /** The {@link Agreement.term} of that generation; 0 when there is none. */
  readonly term: number;
  /**
   * Whether entries of this cache's version and format may lie in that generation. It has eight places. A version that beats
   * takes one while there is room, and keeps it as long as the generation lasts.
   */
  readonly hasPlace: boolean;
  /**
   * The last heartbeat of anybody before this one that found a generation. After a restart it tells from when the data are,
   * and under which generation its entries lie. `undefined`: none is known.
   */
  readonly last: { readonly time: number; readonly generation: string } | undefined;
  /** Names the contents of the server as long as they last, restarts and failovers included: one for all their instances. */
  readonly identity: string;
  /** How often somebody has asked for a mark in this epoch, this heartbeat included. */
  readonly marksRequested: number;
  /** The latest mark of this epoch: all that was committed before so many had asked has been delivered. 0: there is none. */
  readonly marksCompleted: number;
  /** An instance has said in this epoch that it believes this generation, with all repairs done. */
  readonly isVouchedFor: boolean;
}

/** A generation that the instances use in one epoch. */
export interface Agreement {
  readonly generation: string;
  /**
   * Puts agreements in order. Each one has a greater term than every agreement that its proposer had used before, and no
   * smaller one than the server's clock in milliseconds.
   */
  readonly term: number;
}

/** A generation whose entries are from before, with all that has been committed since removed from them. */
export interface RepairedGeneration {
  readonly epoch: string;
  readonly generation: string;
  /** All that was committed by then is removed; in the server's time. */
  readonly since: number;
  /** It may only be believed if no more than so many milliseconds have passed since. */
  readonly withinMs: number;
  /** What {@link Heartbeat.marksRequested} was by then: the mark that is left with it. */
  readonly mark: number;
  /** It is agreed with a greater term than this one. Default 0. */
  readonly after?: number;
}

/** What a script says when the caller's {@link Session} is not the server's: nothing was done. */
export interface SessionMismatch {
  readonly kind: 'session-mismatch';
}

/** What one step of {@link RemoteTier.sweepOthers} did. */
export type SweptOthers =
  /** Without a cursor there is nothing more to look at. */
  | { readonly kind: 'done'; readonly removed: number; readonly cursor?: string }
  /** Another instance does it, or has done it. */
  | { readonly kind: 'elsewhere' };

export interface FillRequest {
  readonly id: EntryId;
  readonly generation: string;
  /** Store only if the record is still exactly this: my lease, or the value I set out to replace. */
  readonly expected: { readonly kind: 'lease' | 'value'; readonly token: string };
  /** A refresh claim to give back in the same step; see {@link RemoteTier.claimRefresh}. */
  readonly claim?: string | undefined;
  /** The new record's token. */
  readonly token: string;
  readonly body: string | Uint8Array;
  /** How old the value already is, in milliseconds: the server stamps its own time less this. */
  readonly age: number;
  /**
   * When the value began to be loaded, by the server's clock as the caller knows it: it is stamped no later than this,
   * however long the request has hung on its way.
   */
  readonly notAfter?: number | undefined;
  /** How long the record may stay, in milliseconds; `Infinity` for no expiry. At least 1. */
  readonly keepFor: number;
}

export interface WriteRequest {
  readonly id: EntryId;
  readonly session: Session;
  readonly origin: string;
  readonly token: string;
  readonly body: string | Uint8Array;
  readonly keepFor: number;
  /** Refuse if the stored version is greater; `undefined` writes without asking. A safe integer. */
  readonly version?: number | undefined;
}

/**
 * L2: a store that all instances share. The contract is one atomic step a method; ordering, budgets, retries and
 * trust are the core's business. Every method rejects when the server cannot be asked or answers with an error:
 * {@link RemoteError} says which kind. A method never waits for a connection that is not there.
 *
 * Calls made in one tick travel together: that is what makes "a read and its tags" one round trip.
 */
export interface RemoteTier {
  /** For messages and telemetry: `redis`, `memory`. */
  readonly system: string;
  /** One object for all that was made together: a bus that has another one belongs to another tier. */
  readonly madeWith?: object | undefined;
  /** How bodies lie in this tier; absent where they lie as the codec made them. */
  readonly packing?: Packing | undefined;
  /**
   * Calls `run` once, in this turn of the event loop where that can be told, before what was called in it is sent: what it
   * calls travels with it. Without a connection, at once or soon. `run` does not throw.
   */
  beforeSending(run: () => void): void;
  /**
   * Begins to connect and goes on trying until {@link close}. Never rejects for an absent server.
   * `onDisconnect` is called as soon as a connection is lost, before any later call can reach another one.
   * `onConnect` is called when calls can be made (again).
   * @param cache Decides the names of what is stored. Entries and claims of another version or format are apart from these;
   *   tags, numbers, the generation, marks and heartbeats are shared by all caches of one name. What invalidates a key does so
   *   for every version that has a place in the generation; see {@link Heartbeat.hasPlace}.
   */
  start(listener: RemoteListener, cache: CacheIdentity): void;
  /**
   * Writes the heartbeat record, publishes {@link HeartbeatEcho} to `instance`'s own channel and reads the session.
   * The write is the point: a server that may not write (a cut-off old master) must not prove anything. What
   * {@link Heartbeat.last} says is kept while the epoch has no generation.
   * @param wantsMark Whether it also asks for a mark; see {@link Heartbeat.marksRequested}.
   * @param believed The generation for which the caller vouches; see {@link Heartbeat.isVouchedFor}. It does nothing where
   *   another one is agreed.
   */
  heartbeat(instance: string, nonce: string, wantsMark?: boolean, believed?: string): Promise<Heartbeat>;
  /**
   * Sets the epoch's generation to `proposal`, a fresh one, and answers what it is now. It does so in three cases: the epoch
   * has no generation, or the one that the proposal `replaces`, or one whose term is not greater than `after`. Leaves a mark
   * for all who have asked: nothing old can be in it. Rejects in another epoch.
   * @param after The term of the last agreement that the caller has used; default 0, none.
   */
  agreeGeneration(epoch: string, proposal: string, replaces?: string, after?: number): Promise<Agreement>;
  /**
   * Sets the epoch's generation, if it has none, to one that was repaired, and leaves its mark.
   * @returns what it is now; `undefined` when too much time has passed, or in another epoch, and nothing was done.
   */
  adoptGeneration(repaired: RepairedGeneration): Promise<string | undefined>;
  /** All that was committed before so many had asked is delivered. Nothing happens in another epoch, or to a later mark. */
  leaveMark(epoch: string, mark: number): Promise<void>;
  /**
   * Reads a key and, if it holds nothing, takes the lease under `token` for `leaseMs`. `none`: the lease is mine. A full
   * server, which grants no lease, still says what it holds; it rejects as `full` only when that is nothing.
   *
   * The lease or the note of another caller that lasts longer than {@link longestLeaseMs} is given the length of a lease.
   *
   * `askedAt`, by the server's clock as the caller knows it, is when the lease begins: one that hung on its way for longer
   * than it lasts holds nobody up, for its caller has gone.
   */
  acquire(id: EntryId, generation: string, token: string, leaseMs: number, askedAt?: number): Promise<StoredRecord>;
  /**
   * {@link acquire} of several keys, no two the same, in one request and under one token: each as if it were asked for alone.
   * What one of them is refused with stands in its place; the call rejects only when the server cannot be asked at all.
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
  /** Reads many keys at once and changes nothing; the records come in the order asked. */
  readMany(ids: readonly EntryId[], generation: string): Promise<readonly StoredRecord[]>;
  /** Milliseconds until the record goes, `Infinity` for never, `undefined` when there is none. For `inspect`. */
  remaining(id: EntryId, generation: string): Promise<number | undefined>;
  /**
   * Stores a loaded value. `false` when the record is not the expected one any more, when the request's generation is not the
   * one that is agreed, or when this cache's version has no place in it; then nothing changed.
   */
  fill(request: FillRequest): Promise<boolean>;
  /** Gives a lease back if it is still mine. */
  release(id: EntryId, generation: string, token: string): Promise<void>;
  /** Extends a lease if it is still mine, never creates one; says whether it did. */
  renew(id: EntryId, generation: string, token: string, leaseMs: number): Promise<boolean>;
  /**
   * The right to refresh a key that holds a value: one holder in the fleet, for at most `leaseMs`. One of another caller that
   * lasts longer than {@link longestLeaseMs} is given the length of a lease.
   */
  claimRefresh(id: EntryId, generation: string, token: string, leaseMs: number): Promise<ClaimAnswer>;
  /** Extends a refresh claim if it is still mine, never creates one; says whether it did. */
  renewRefresh(id: EntryId, generation: string, token: string, leaseMs: number): Promise<boolean>;
  /** Gives a refresh claim back if it is still mine. */
  releaseRefresh(id: EntryId, generation: string, token: string): Promise<void>;
  /**
   * Puts a note of how the load ended in the place of my lease or claim, if that is still mine. Readers of the key learn from
   * it that the load brought nothing for L2. The note grants nothing, and an invalidation of the key removes that of a lease.
   */
  leaveOutcome(note: OutcomeNote): Promise<void>;
  /**
   * Generations of tags, in the order asked; one that is missing is created under the present number of the epoch
   * (missing never means "zero"). Each is kept for `keepFor` milliseconds more.
   * @param known What the caller remembers of them. One that is missing comes back as it is remembered, but only while the
   *   number of the last invalidation is the one that the caller has seen: a later one may have named it (race 57).
   */
  tagGenerations(
    tags: readonly EntryId[],
    generation: string,
    keepFor: number,
    known?: KnownTags,
  ): Promise<readonly TagGeneration[]>;
  /**
   * In one step: takes the next number, removes or expires the keys in every version, moves the tags' generations, publishes.
   * A tag without a generation needs none: whoever reads it next makes one of this number or a greater, which no entry
   * carries yet; so tags that nobody reads take no room. Does nothing when `session` is not the server's.
   * @param isRepair Whether it may also be done while the epoch has no generation yet, under the one that is to be repaired.
   * @returns the number given.
   */
  invalidate(
    order: InvalidationOrder,
    session: Session,
    isRepair?: boolean,
  ): Promise<{ kind: 'done'; sequence: number } | SessionMismatch>;
  /**
   * In one step: takes the next number, stores the value under a new token, removes the key in other versions, publishes it.
   * `older`: a greater version is stored, in whatever version of the cache.
   */
  write(request: WriteRequest): Promise<{ kind: 'done'; sequence: number } | { kind: 'older' } | SessionMismatch>;
  /**
   * One bounded step of a sweep: removes (`delete`) or expires entries of a generation for which `matches` says yes, in every
   * version. The steps of one sweep, from no cursor to none, look at each entry that is there all the while.
   * A step publishes nothing: the caller sends the invalidation with the pattern after the last one.
   */
  sweep(request: SweepRequest): Promise<SweptStep>;
  /**
   * One bounded step of removing what lies in other generations than the session's, of every version: records, claims, tags.
   * Nothing reads those any more. One instance does it for all: the first one to ask in a generation, until it has not asked
   * for a minute; once it is done, nobody in this generation. Does nothing when the session is not the server's: a history
   * without a generation may still adopt an old one.
   * @param cursor Of the step before; nothing begins.
   */
  sweepOthers(session: Session, holder: string, cursor?: string): Promise<SweptOthers | SessionMismatch>;
  /** What the server says of itself, in one round trip. */
  info(): Promise<RemoteInfo>;
  /**
   * From now on tells `onEvicted` of each entry that the server drops to make room, where it says so; `undefined` ends
   * that. A service, not a promise: some may go unheard, and repeating the call mends a connection that was lost. Part of
   * this port because whoever names keys has to read their names. Nothing is thrown.
   */
  watchEvictions(onEvicted: ((id: EntryId) => void) | undefined): void;
  /** Drops the connection and makes a new one: for a connection that is open and silent. */
  reset(): void;
  close(): Promise<void>;
}

export interface RemoteListener {
  onConnect(): void;
  onDisconnect(error: Error | undefined): void;
  /** Something an operator must mend: wrong password, missing right, version below the minimum. Said once per connection. */
  onAlarm(error: Error): void;
}

/** Why L2 could not answer. */
export type RemoteFailure =
  /** Connection refused, reset, closed; server loading, cluster down, not enough replicas. */
  | 'unavailable'
  /** The server is alive and refuses for a reason that an operator must mend: NOPERM, WRONGPASS, WRONGTYPE. */
  | 'denied'
  /** The server is alive and full (`maxmemory` with `noeviction`). */
  | 'full'
  /** The server is alive and refuses this request for what it says: a number out of range, a syntax that it does not know. */
  | 'invalid'
  /** Any other answer that was not expected. */
  | 'error';

/** What a {@link RemoteTier} rejects with. */
export class RemoteError extends Error {
  override readonly name = 'RemoteError';
  readonly failure: RemoteFailure;
  constructor(failure: RemoteFailure, message: string, options?: { cause?: unknown }) {
    super(message, options);
    this.failure = failure;
  }
}

/** Says if a tier has rejected because its server is away. */
export function isUnavailable(error: unknown): boolean {
  return error instanceof RemoteError && error.failure === 'unavailable';
}
