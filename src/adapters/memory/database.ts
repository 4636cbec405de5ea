import type { BusMessage, InvalidationMode, InvalidationOrder } from '../../core/invalidation.ts';
import type { EntryId } from '../../core/key.ts';
import {
  type FillRequest,
  type Heartbeat,
  RemoteError,
  type RemoteTier,
  type Session,
  type SessionMismatch,
  type StoredRecord,
  type StoredValue,
  type WriteRequest,
} from '../../core/ports.ts';
import type { TagGeneration } from '../../core/tags.ts';
import { ExpiringMap } from './expiring-map.ts';

/** How long a generation record outlives the last heartbeat. */
const GENERATION_STAY_MS = 30 * 24 * 60 * 60 * 1_000;

type Held = { readonly kind: 'lease'; readonly token: string } | HeldValue;
interface HeldValue {
  readonly kind: 'value';
  readonly value: StoredValue;
  readonly version: number | undefined;
  /** Not written by Tiercel: it cannot be marked, only replaced or removed. */
  readonly damaged?: true;
}

/** What the data can be published to, and whose time it follows. */
export interface DatabaseHost {
  /** Milliseconds of the server's clock. */
  time(): number;
  publish(channel: string, message: BusMessage): void;
}

export const BUS_CHANNEL = 'bus';
export const heartbeatChannel = (instance: string): string => `hb:${instance}`;

/**
 * The data of one server and the atomic steps on it: what `scripts.ts` is on the side of Redis, and the two must mean
 * the same. Each method is one step; nothing else happens between its beginning and its end.
 */
export class MemoryDatabase {
  /** Of the present run. The data may outlive it; a session of an older run is refused. */
  epoch: string;
  /** As with `maxmemory` and `noeviction`: reads, invalidations and heartbeats go on, nothing else is stored. */
  full = false;

  readonly #host: DatabaseHost;
  readonly #records: ExpiringMap<Held>;
  readonly #claims: ExpiringMap<string>;
  readonly #tags: ExpiringMap<TagGeneration>;
  readonly #generations: ExpiringMap<string>;
  #counter: number | undefined;
  /** The last number before a flush: a new start must lie beyond it even if the clock stood still. */
  #spent = 0;
  #drawn = 0;

  constructor(host: DatabaseHost, epoch: string) {
    this.#host = host;
    this.epoch = epoch;
    const now = () => host.time();
    this.#records = new ExpiringMap(now);
    this.#claims = new ExpiringMap(now);
    this.#tags = new ExpiringMap(now);
    this.#generations = new ExpiringMap(now);
  }

  /** Everything is gone, the counter and the generations included. */
  flush(): void {
    for (const map of [this.#records, this.#claims, this.#tags, this.#generations]) map.clear();
    this.#spent = this.#counter ?? this.#spent;
    this.#counter = undefined;
  }

  /** Puts there what no Tiercel wrote, always the same: the codec refuses it, and its token stands for its bytes. */
  damage(id: EntryId, generation: string): void {
    const value = { token: '!damaged', storedAt: 0, expiredAt: 0, body: '' };
    this.#records.set(
      physicalKey(generation, id),
      { kind: 'value', value, version: undefined, damaged: true },
      Infinity,
    );
  }

  heartbeat(instance: string, nonce: string): Heartbeat {
    const { epoch } = this;
    const generation = this.#generations.get(epoch);
    if (generation !== undefined) this.#generations.set(epoch, generation, GENERATION_STAY_MS);
    const sequence = this.#sequence();
    this.#host.publish(heartbeatChannel(instance), { kind: 'heartbeat', epoch, sequence, nonce });
    return { epoch, sequence, time: Math.floor(this.#host.time()), generation };
  }

  agreeGeneration(epoch: string, proposal: string): string {
    const present = this.#generations.get(epoch);
    if (present !== undefined) return present;
    this.#generations.set(epoch, proposal, GENERATION_STAY_MS);
    return proposal;
  }

  acquire(id: EntryId, generation: string, token: string, leaseMs: number): StoredRecord {
    const present = this.read(id, generation);
    if (present.kind === 'lease' && present.token === token) return { kind: 'none' };
    if (present.kind !== 'none') return present;
    this.#assertRoom();
    this.#records.set(physicalKey(generation, id), { kind: 'lease', token }, leaseMs);
    return present;
  }

  read(id: EntryId, generation: string): StoredRecord {
    const held = this.#records.get(physicalKey(generation, id));
    if (held === undefined) return { kind: 'none' };
    return held.kind === 'lease' ? held : { kind: 'value', value: held.value };
  }

  remaining(id: EntryId, generation: string): number | undefined {
    return this.#records.remaining(physicalKey(generation, id));
  }

  fill(request: FillRequest): boolean {
    this.#assertRoom();
    const key = physicalKey(request.generation, request.id);
    if (request.claim !== undefined && this.#claims.get(key) === request.claim) this.#claims.delete(key);
    const held = this.#records.get(key);
    if (held === undefined || held.kind !== request.expected.kind) return false;
    if (tokenOf(held) !== request.expected.token) return false;
    const storedAt = Math.floor(this.#host.time() - request.age);
    const value = { token: request.token, storedAt, expiredAt: 0, body: request.body };
    // A loaded value brings no version of its own; the source is at least where the replaced value left it.
    const version = held.kind === 'value' ? held.version : undefined;
    this.#records.set(key, { kind: 'value', value, version }, request.keepFor);
    return true;
  }

  release(id: EntryId, generation: string, token: string): void {
    const key = physicalKey(generation, id);
    if (this.#holdsLease(key, token)) this.#records.delete(key);
  }

  renew(id: EntryId, generation: string, token: string, leaseMs: number): boolean {
    const key = physicalKey(generation, id);
    if (!this.#holdsLease(key, token)) return false;
    this.#records.set(key, { kind: 'lease', token }, leaseMs);
    return true;
  }

  claimRefresh(id: EntryId, generation: string, token: string, leaseMs: number): boolean {
    this.#assertRoom();
    const key = physicalKey(generation, id);
    if (this.#claims.get(key) !== undefined) return false;
    this.#claims.set(key, token, leaseMs);
    return true;
  }

  releaseRefresh(id: EntryId, generation: string, token: string): void {
    const key = physicalKey(generation, id);
    if (this.#claims.get(key) === token) this.#claims.delete(key);
  }

  tagGenerations(tags: readonly EntryId[], generation: string, keepFor: number): TagGeneration[] {
    return tags.map((tag) => {
      const key = physicalKey(generation, tag);
      const present = this.#tags.get(key);
      if (present === undefined) this.#assertRoom();
      const id = this.#numberId(this.#sequence());
      return this.#keepTag(key, present ?? { hard: id, soft: id }, keepFor);
    });
  }

  invalidate(
    order: InvalidationOrder,
    session: Session,
    tagsKeepFor: number,
  ): Awaited<ReturnType<RemoteTier['invalidate']>> {
    const { targets, mode, origin } = order;
    if (!this.#isPresent(session)) return MISMATCH;
    const sequence = this.#nextSequence();
    for (const id of targets.ids) this.#remove(physicalKey(session.generation, id), mode);
    for (const tag of targets.tags) this.#moveTag(physicalKey(session.generation, tag), mode, sequence, tagsKeepFor);
    this.#host.publish(BUS_CHANNEL, {
      kind: 'invalidation',
      epoch: this.epoch,
      sequence,
      origin,
      mode,
      targets,
    });
    return { kind: 'done', sequence };
  }

  write(request: WriteRequest): Awaited<ReturnType<RemoteTier['write']>> {
    const { id, session, origin, token, body, version } = request;
    this.#assertRoom();
    if (!this.#isPresent(session)) return MISMATCH;
    const key = physicalKey(session.generation, id);
    const held = this.#records.get(key);
    const stored = held?.kind === 'value' ? held.version : undefined;
    if (version !== undefined && stored !== undefined && stored > version) return { kind: 'older' };
    const sequence = this.#nextSequence();
    const value = { token, storedAt: Math.floor(this.#host.time()), expiredAt: 0, body };
    this.#records.set(key, { kind: 'value', value, version }, request.keepFor);
    this.#host.publish(BUS_CHANNEL, {
      kind: 'invalidation',
      epoch: this.epoch,
      sequence,
      origin,
      mode: 'delete',
      targets: { ids: [id], tags: [] },
    });
    return { kind: 'done', sequence };
  }

  /** Ids of every record of a generation, for {@link sweep}. */
  scan(generation: string): EntryId[] {
    const prefix = physicalKey(generation, '');
    const keys = this.#records.keys().filter((key) => key.startsWith(prefix));
    return keys.map((key) => key.slice(prefix.length));
  }

  /** Removes or expires those of a batch that are still there; how many it touched. */
  sweep(generation: string, ids: readonly EntryId[], mode: InvalidationMode): number {
    return ids.filter((id) => this.#remove(physicalKey(generation, id), mode)).length;
  }

  /** `delete` removes; `expire` marks a value and gives it another token, so that nobody can fill over it from before. */
  #remove(key: string, mode: InvalidationMode): boolean {
    const held = this.#records.get(key);
    if (held === undefined) return false;
    if (mode === 'delete' || held.kind === 'lease' || held.damaged) return this.#records.delete(key);
    // A value expired before keeps its first moment: its window must not grow.
    const expiredAt = held.value.expiredAt || Math.floor(this.#host.time());
    this.#records.replace(key, { ...held, value: { ...held.value, token: this.#token(), expiredAt } });
    return true;
  }

  #moveTag(key: string, mode: InvalidationMode, sequence: number, keepFor: number): void {
    const moved = this.#numberId(sequence);
    const present = this.#tags.get(key);
    const hard = mode === 'expire' && present !== undefined ? present.hard : moved;
    this.#keepTag(key, { hard, soft: moved }, keepFor);
  }

  #keepTag(key: string, generation: TagGeneration, keepFor: number): TagGeneration {
    this.#tags.set(key, generation, Math.max(keepFor, this.#tags.remaining(key) ?? 0));
    return generation;
  }

  #holdsLease(key: string, token: string): boolean {
    const held = this.#records.get(key);
    return held?.kind === 'lease' && held.token === token;
  }

  #isPresent(session: Session): boolean {
    return session.epoch === this.epoch && this.#generations.get(this.epoch) === session.generation;
  }

  /** A missing counter starts at the time in microseconds, so that no number of an epoch comes twice. */
  #sequence(): number {
    this.#counter ??= Math.max(Math.floor(this.#host.time() * 1_000), this.#spent + 1);
    return this.#counter;
  }

  #nextSequence(): number {
    this.#counter = this.#counter === undefined ? this.#sequence() : this.#counter + 1;
    return this.#counter;
  }

  #numberId(sequence: number): string {
    return `${this.epoch}:${sequence}`;
  }

  #assertRoom(): void {
    if (this.full) throw new RemoteError('full', 'The server is at its memory limit');
  }

  /** For a value that is marked expired. Deterministic, unlike a random one, and as unique within one server. */
  #token(): string {
    return `expired-${++this.#drawn}`.padEnd(22, '.');
  }
}

const MISMATCH: SessionMismatch = { kind: 'session-mismatch' };

function physicalKey(generation: string, id: EntryId): string {
  return `${generation} ${id}`;
}

function tokenOf(held: Held): string {
  return held.kind === 'lease' ? held.token : held.value.token;
}
