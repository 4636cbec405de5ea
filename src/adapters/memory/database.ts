import type { BusMessage, InvalidationMode, InvalidationOrder } from '../../core/model/invalidation.ts';
import type { EntryId } from '../../core/model/key.ts';
import type { KnownTags, TagGeneration } from '../../core/model/tags.ts';
import type { ClaimAnswer, OutcomeNote } from '../../core/ports/load-outcome.ts';
import {
  type Agreement,
  type FillRequest,
  type Heartbeat,
  RemoteError,
  type RemoteTier,
  type RepairedGeneration,
  type Session,
  type SessionMismatch,
  type StoredRecord,
  type SweptOthers,
  type WriteRequest,
} from '../../core/ports/remote-tier.ts';
import type { RemoteInfo } from '../../core/ports/server-info.ts';
import { Contents, type Held, type MemorySnapshot } from './contents.ts';
import { type BeatRequest, History } from './history.ts';
import { memoryInfo } from './info.ts';
import { BUS_CHANNEL, heartbeatChannel, physicalKey, recordKey, type Shape } from './names.ts';
import { Rights } from './rights.ts';
import { TagRecords } from './tag-records.ts';

/** The server around the data: it gives the time and publishes messages. */
export interface DatabaseHost {
  /** Returns the server's time in milliseconds. */
  time(): number;
  publish(channel: string, message: BusMessage): void;
}

/**
 * The data of one server and the atomic steps on it, as `scripts.ts` has them for Redis; both must mean the same. Each
 * method is one step: no other step runs between its beginning and its end.
 */
export class MemoryDatabase {
  /** Epoch of the run that this data is in. The data may outlive the run, but a session of an older run is refused. */
  readonly epoch: string;
  /** True to act as at `maxmemory` with `noeviction`: only invalidations and heartbeats may still store anything. */
  full = false;
  /** True to act as under `min-replicas-to-write` without a replica: only plain reads go on. */
  refusesWrites = false;

  readonly #host: DatabaseHost;
  #contents: Contents;
  #history: History;
  #rights: Rights;
  #tags: TagRecords;
  /** The contents of the server's other database, which no connection has selected. */
  #otherContents: Contents;
  readonly #startedAt: number;
  #evictedKeys = 0;
  #drawn = 0;

  constructor(host: DatabaseHost, epoch: string, from?: MemorySnapshot) {
    this.#host = host;
    this.epoch = epoch;
    this.#contents = new Contents(() => host.time(), from);
    this.#otherContents = new Contents(() => host.time());
    this.#startedAt = host.time();
    this.#history = new History(epoch, this.#contents, () => host.time());
    this.#rights = new Rights(this.#contents);
    this.#tags = new TagRecords(this.#contents);
  }

  /** Acts as SWAPDB: every connection is in the other database from now on, which is empty at first. */
  swap(): void {
    [this.#contents, this.#otherContents] = [this.#otherContents, this.#contents];
    this.#history = new History(this.epoch, this.#contents, () => this.#host.time());
    this.#rights = new Rights(this.#contents);
    this.#tags = new TagRecords(this.#contents);
  }

  /** Returns a copy of the present data, with which another run can begin. */
  snapshot(): MemorySnapshot {
    return new Contents(() => this.#host.time(), this.#contents);
  }

  /** Removes everything, the counter and the generations included. */
  flush(): void {
    this.#contents.clear();
  }

  /** Returns the names of everything held, internal records included. */
  names(): string[] {
    return this.#contents.names();
  }

  /** Removes one of {@link names}. Returns the id of the entry, if it was one. */
  evict(name: string): EntryId | undefined {
    this.#contents.evict(name);
    this.#evictedKeys += 1;
    return /^record \S+ (.*)$/s.exec(name)?.[1];
  }

  info(): RemoteInfo {
    const uptimeMs = this.#host.time() - this.#startedAt;
    return memoryInfo(this.#contents, { uptimeMs, full: this.full, evictedKeys: this.#evictedKeys });
  }

  /** Stores a value that Tiercel did not write. The codec refuses it; its token stands for its bytes. */
  damage(shape: Shape, id: EntryId, generation: string): void {
    this.#contents.damage(recordKey(shape, generation, id));
  }

  heartbeat(shape: Shape, instance: string, nonce: string, asks: BeatRequest = {}): Heartbeat {
    this.#assertWritable();
    const { epoch } = this;
    const beat = this.#history.beat(shape, nonce, asks);
    const sequence = this.#sequence();
    this.#host.publish(heartbeatChannel(instance), { kind: 'heartbeat', epoch, sequence, nonce });
    return { epoch, sequence, ...beat };
  }

  agreeGeneration(shape: Shape, epoch: string, generation: string, replaces?: string, after = 0): Agreement {
    this.#assertWritable();
    if (epoch !== this.epoch)
      throw new RemoteError('unavailable', 'The server restarted or failed over during this operation');
    return this.#history.agree(shape, { generation, replaces, after });
  }

  adoptGeneration(shape: Shape, repaired: RepairedGeneration): string | undefined {
    const { epoch, generation, since, withinMs, mark, after = 0 } = repaired;
    const isLate = Math.floor(this.#host.time()) - since > withinMs;
    if (isLate) return undefined;
    this.#assertWritable();
    return epoch === this.epoch ? this.#history.adopt(shape, generation, after, mark).generation : undefined;
  }

  leaveMark(epoch: string, mark: number): void {
    this.#assertWritable();
    this.#history.leaveMark(epoch, mark);
  }

  acquire(
    shape: Shape,
    id: EntryId,
    generation: string,
    token: string,
    leaseMs: number,
    askedAt = this.#host.time(),
  ): StoredRecord {
    // A hit is refused too, since the step could write. At the limit `full` comes first, and the adapter reads plainly.
    if (!this.full) this.#assertWritable();
    const present = this.read(shape, id, generation);
    if (present.kind === 'lease' && present.token === token) return { kind: 'none' };
    if (present.kind !== 'value' && present.kind !== 'none')
      this.#rights.bound(recordKey(shape, generation, id), leaseMs);
    if (present.kind !== 'none') return present;
    this.#assertRoom();
    const leftMs = askedAt + leaseMs - this.#host.time();
    this.#contents.records.set(recordKey(shape, generation, id), { kind: 'lease', token }, leftMs);
    return present;
  }

  read(shape: Shape, id: EntryId, generation: string): StoredRecord {
    const held = this.#contents.records.get(recordKey(shape, generation, id));
    if (held === undefined) return { kind: 'none' };
    return held.kind === 'value' ? { kind: 'value', value: held.value } : held;
  }

  remaining(shape: Shape, id: EntryId, generation: string): number | undefined {
    return this.#contents.records.remaining(recordKey(shape, generation, id));
  }

  fill(shape: Shape, request: FillRequest): boolean {
    this.#assertRoom();
    const key = recordKey(shape, request.generation, request.id);
    if (request.claim !== undefined) this.#rights.releaseClaim(key, request.claim);
    if (!this.#history.admits(shape, request.generation)) return false;
    const held = this.#contents.records.get(key);
    if (held === undefined || held.kind !== request.expected.kind) return false;
    if (tokenOf(held) !== request.expected.token) return false;
    const storedAt = Math.floor(Math.min(this.#host.time() - request.age, request.notAfter ?? Infinity));
    const value = { token: request.token, storedAt, expiredAt: 0, body: request.body };
    // A loaded value has no version of its own. The source is at least as new as the replaced value.
    const version = held.kind === 'value' ? held.version : undefined;
    this.#contents.records.set(key, { kind: 'value', value, version }, request.keepFor);
    return true;
  }

  release(shape: Shape, id: EntryId, generation: string, token: string): void {
    this.#assertWritable();
    this.#rights.release(recordKey(shape, generation, id), token);
  }

  renew(shape: Shape, id: EntryId, generation: string, token: string, leaseMs: number): boolean {
    this.#assertWritable();
    return this.#rights.renew(recordKey(shape, generation, id), token, leaseMs);
  }

  claimRefresh(shape: Shape, id: EntryId, generation: string, token: string, leaseMs: number): ClaimAnswer {
    this.#assertRoom();
    return this.#rights.claim(recordKey(shape, generation, id), token, leaseMs);
  }

  renewRefresh(shape: Shape, id: EntryId, generation: string, token: string, leaseMs: number): boolean {
    this.#assertWritable();
    return this.#rights.renewClaim(recordKey(shape, generation, id), token, leaseMs);
  }

  releaseRefresh(shape: Shape, id: EntryId, generation: string, token: string): void {
    this.#assertWritable();
    this.#rights.releaseClaim(recordKey(shape, generation, id), token);
  }

  leaveOutcome(shape: Shape, note: OutcomeNote): void {
    this.#assertWritable();
    this.#rights.leaveOutcome(recordKey(shape, note.generation, note.id), note);
  }

  tagGenerations(tags: readonly EntryId[], generation: string, keepFor: number, known?: KnownTags): TagGeneration[] {
    const remembered = known !== undefined && this.isUpToDate(known) ? known.generations : [];
    return tags.map((tag, index) => {
      const key = physicalKey(generation, tag);
      if (!this.#tags.has(key)) this.#assertRoom();
      return this.#tags.obtain(key, this.#numberId(this.#sequence()), keepFor, remembered[index]);
    });
  }

  /** Returns true when no invalidation has come since the last one that the instance has seen. */
  protected isUpToDate({ epoch, sequence }: KnownTags): boolean {
    return epoch === this.epoch && sequence === this.#contents.counter;
  }

  invalidate(
    shape: Shape,
    order: InvalidationOrder,
    session: Session,
    isRepair = false,
  ): Awaited<ReturnType<RemoteTier['invalidate']>> {
    const { targets, mode, origin } = order;
    this.#assertWritable();
    if (!this.#isPresent(session, isRepair)) return MISMATCH;
    const sequence = this.#nextSequence();
    for (const each of this.reached(session.generation, shape))
      for (const id of targets.ids) this.#remove(recordKey(each, session.generation, id), mode);
    const id = this.#numberId(sequence);
    for (const tag of targets.tags) this.#tags.move(physicalKey(session.generation, tag), mode, id, this.#host.time());
    return this.#publish(sequence, { targets, mode, origin });
  }

  write(shape: Shape, request: WriteRequest): Awaited<ReturnType<RemoteTier['write']>> {
    const { id, session, origin, token, body, version } = request;
    this.#assertRoom();
    const { generation } = session;
    if (!this.#isPresent(session) || !this.#history.admits(shape, generation)) return MISMATCH;
    const keys = this.reached(generation, shape).map((each) => recordKey(each, generation, id));
    const stored = Math.max(...keys.map((key) => this.#versionAt(key)));
    if (version !== undefined && stored > version) return { kind: 'older' };
    const sequence = this.#nextSequence();
    for (const key of keys) this.#contents.records.delete(key);
    const value = { token, storedAt: Math.floor(this.#host.time()), expiredAt: 0, body };
    const key = recordKey(shape, generation, id);
    this.#contents.records.set(key, { kind: 'value', value, version }, request.keepFor);
    return this.#publish(sequence, { targets: { ids: [id], tags: [] }, mode: 'delete', origin });
  }

  /** Returns the first records of a generation beyond a key, of every shape, in the order of their keys. */
  scan(generation: string, most: number, after = ''): { readonly key: string; readonly id: EntryId }[] {
    const prefix = physicalKey(generation, '');
    const isMeant = (key: string): boolean => key > after && key.startsWith(prefix, key.indexOf('/') + 1);
    const found = this.#contents.records.keys().filter(isMeant).sort().slice(0, most);
    return found.map((key) => ({ key, id: key.slice(key.indexOf('/') + 1 + prefix.length) }));
  }

  /** Removes or expires the keys of a batch that are still there. Returns how many it touched. */
  sweep(keys: readonly string[], mode: InvalidationMode): number {
    this.#assertWritable();
    return keys.filter((key) => this.#remove(key, mode)).length;
  }

  /** Returns the shapes whose records an order removes, when an instance of one shape gives it. */
  protected reached(generation: string, _shape: Shape): readonly Shape[] {
    return this.#history.shapesOf(generation);
  }

  #publish(sequence: number, { targets, mode, origin }: InvalidationOrder): { kind: 'done'; sequence: number } {
    this.#host.publish(BUS_CHANNEL, { kind: 'invalidation', epoch: this.epoch, sequence, origin, mode, targets });
    return { kind: 'done', sequence };
  }

  #versionAt(key: string): number {
    const held = this.#contents.records.get(key);
    return (held?.kind === 'value' ? held.version : undefined) ?? Number.NEGATIVE_INFINITY;
  }

  sweepOthers(session: Session, holder: string): SweptOthers | SessionMismatch {
    this.#assertWritable();
    if (!this.#isPresent(session)) return MISMATCH;
    return this.#contents.sweepOthers(session.generation, holder);
  }

  /** `delete` removes. `expire` marks a value and changes its token, so that no earlier fill can replace it. */
  #remove(key: string, mode: InvalidationMode): boolean {
    const held = this.#contents.records.get(key);
    if (held === undefined) return false;
    if (mode === 'delete' || held.kind !== 'value' || held.damaged) return this.#contents.records.delete(key);
    // A value that was expired before keeps its first moment, so that its window does not grow.
    const expiredAt = held.value.expiredAt || Math.floor(this.#host.time());
    this.#contents.records.replace(key, { ...held, value: { ...held.value, token: this.#token(), expiredAt } });
    return true;
  }

  #isPresent({ epoch, generation }: Session, isRepair = false): boolean {
    const held = this.#history.generation;
    return epoch === this.epoch && (held === generation || (isRepair && held === undefined));
  }

  /** Starts a missing counter at the time in microseconds, so that no number of an epoch comes twice. */
  #sequence(): number {
    this.#contents.counter ??= Math.max(Math.floor(this.#host.time() * 1_000), this.#contents.spent + 1);
    return this.#contents.counter;
  }

  #nextSequence(): number {
    this.#contents.counter = this.#contents.counter === undefined ? this.#sequence() : this.#contents.counter + 1;
    return this.#contents.counter;
  }

  #numberId(sequence: number): string {
    return `${this.epoch}:${sequence}`;
  }

  /** Checks that the server may store something. A full server rejects as `full`, with or without a replica. */
  #assertRoom(): void {
    if (this.full) throw new RemoteError('full', 'The server is at its memory limit');
    this.#assertWritable();
  }

  #assertWritable(): void {
    if (this.refusesWrites) throw new RemoteError('unavailable', 'No replica acknowledges');
  }

  /** Returns a token for a value that is marked expired. It is deterministic, and no run returns it twice. */
  #token(): string {
    return `${this.epoch}${String(++this.#drawn).padStart(6, '.')}`;
  }
}

const MISMATCH: SessionMismatch = { kind: 'session-mismatch' };

const tokenOf = (held: Held): string | undefined => {
  if (held.kind === 'outcome') return undefined;
  return held.kind === 'lease' ? held.token : held.value.token;
};
