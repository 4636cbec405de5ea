import type { Buffer } from 'node:buffer';
import type { InvalidationMode, InvalidationOrder } from '../../core/model/invalidation.ts';
import type { EntryId } from '../../core/model/key.ts';
import type { TagGeneration } from '../../core/model/tags.ts';
import type { CacheIdentity } from '../../core/ports/cache-identity.ts';
import type { Packing } from '../../core/ports/codec.ts';
import {
  type Agreement,
  type ClaimAnswer,
  type FillRequest,
  type Heartbeat,
  type OutcomeNote,
  RemoteError,
  type RemoteListener,
  type RemoteTier,
  type RepairedGeneration,
  type Session,
  type StoredRecord,
  type WriteRequest,
} from '../../core/ports/remote-tier.ts';
import type { RemoteInfo } from '../../core/ports/server-info.ts';
import { systemRandom } from '../../core/primitives/clock.ts';
import type { Connections } from './connection/connections.ts';
import { toRemoteError } from './connection/failure.ts';
import type { EvictionWatch } from './eviction-watch.ts';
import { KnownShapes } from './known-shapes.ts';
import { sweepOthers } from './old-generations.ts';
import type { Keyspace, Naming } from './protocol/keyspace.ts';
import { heartbeatHead, invalidationHead } from './protocol/message.ts';
import { INFO_SECTIONS, parseInfo } from './protocol/parse-info.ts';
import { agreementOf, generationsOf, heartbeatOf, unexpected } from './protocol/replies.ts';
import { SCRIPTS } from './protocol/scripts.ts';
import {
  bytesOf,
  leaseRecord,
  parseRecord,
  recordFor,
  recordPrefix,
  stay,
  versionField,
} from './protocol/stored-record.ts';
import { noteOutcome, releaseRight, renewRight, takeClaim } from './rights.ts';
import { sweepEntries } from './sweep.ts';

/** Keys of one MGET: while it is answered, nobody else is. */
const KEYS_PER_READ = 500;

/**
 * So many keys are read, and their leases taken, in one step. A script takes five times as long as a plain read, which
 * counts where there are many: of those the missing ones are asked for in a second step.
 */
const MOST_KEYS_AT_ONCE = 16;

const NO_ANSWER = new RemoteError('error', 'Redis gave no answer for this key');

const MISMATCH = { kind: 'session-mismatch' } as const;

/** L2 in one Redis server. Each method is one command or one script; see `scripts.ts` for what they do. */
export class RedisRemoteTier implements RemoteTier {
  readonly system = 'redis';
  readonly packing: Packing;
  readonly madeWith: Naming;
  readonly #connections: Connections;
  readonly #evictions: EvictionWatch;
  #started: Keyspace | undefined;
  readonly #shapes = new KnownShapes();

  /**
   * @param naming That of the bus that was made with this tier.
   */
  constructor(connections: Connections, naming: Naming, evictions: EvictionWatch, packing: Packing) {
    this.packing = packing;
    this.madeWith = naming;
    this.#connections = connections;
    this.#evictions = evictions;
  }

  get #keys(): Keyspace {
    if (this.#started === undefined) throw new RemoteError('unavailable', 'No cache has started this tier');
    return this.#started;
  }

  start(listener: RemoteListener, cache: CacheIdentity): void {
    this.#started = this.madeWith.keyspaceOf(cache);
    this.#shapes.learn(this.#started.shape);
    this.#connections.start(listener, this.#started);
  }

  beforeSending(run: () => void): void {
    this.#connections.beforeSending(run);
  }

  reset(): void {
    this.#connections.reset();
  }

  async close(): Promise<void> {
    await Promise.all([this.#connections.close(), this.#evictions.close()]);
  }

  async info(): Promise<RemoteInfo> {
    const text = await this.#connections.send<string>((pipeline) => pipeline.info(...INFO_SECTIONS));
    return parseInfo(String(text), this.#keys.database);
  }

  watchEvictions(onEvicted: ((id: EntryId) => void) | undefined): void {
    this.#evictions.watch(onEvicted, this.#started);
  }

  async heartbeat(instance: string, nonce: string, wantsMark = false): Promise<Heartbeat> {
    const { history, echo, shape } = this.#keys;
    const believed = this.#connections.epoch ?? '';
    const reply = await this.#connections.run(
      SCRIPTS.heartbeat,
      [history],
      [believed, echo(instance), heartbeatHead(nonce), wantsMark ? 1 : 0, nonce, shape],
    );
    const { beat, shapes } = heartbeatOf(reply, shape);
    if (beat.generation !== undefined) this.#shapes.learn(shapes);
    if (beat.epoch !== believed) {
      // Something between us switched servers under an open connection.
      this.reset();
      throw new RemoteError('unavailable', 'Another server answers on this connection');
    }
    return beat;
  }

  async agreeGeneration(epoch: string, proposal: string, replaces = '', after = 0): Promise<Agreement> {
    const reply = await this.#agree(epoch, proposal, [replaces, '', '', '', after]);
    if (reply === undefined) throw new RemoteError('unavailable', 'Redis has another history by now');
    return reply;
  }

  async adoptGeneration(repaired: RepairedGeneration): Promise<string | undefined> {
    const { epoch, generation, since, withinMs, mark, after = 0 } = repaired;
    return (await this.#agree(epoch, generation, ['', since, withinMs, mark, after]))?.generation;
  }

  async #agree(epoch: string, proposal: string, terms: readonly (string | number)[]): Promise<Agreement | undefined> {
    return agreementOf(
      await this.#connections.run(SCRIPTS.agree, [this.#keys.history], [epoch, proposal, ...terms, this.#keys.shape]),
    );
  }

  async leaveMark(epoch: string, mark: number): Promise<void> {
    await this.#connections.run(SCRIPTS.mark, [this.#keys.history], [epoch, mark]);
  }

  async acquire(
    id: EntryId,
    generation: string,
    token: string,
    leaseMs: number,
    askedAt?: number,
  ): Promise<StoredRecord> {
    const key = this.#keys.entry(id, generation);
    const lease = leaseRecord(token);
    try {
      const bytes = await this.#connections.send<Buffer | null>((pipeline) =>
        askedAt === undefined
          ? pipeline.setBuffer(key, lease, 'PX', Math.ceil(leaseMs), 'NX', 'GET')
          : pipeline.setBuffer(key, lease, 'PXAT', Math.ceil(askedAt + leaseMs), 'NX', 'GET'),
      );
      return recordFor(token, bytes);
    } catch (error) {
      if (!(error instanceof RemoteError) || error.failure !== 'full') throw error;
      // A full server refuses the command even where it would only read.
      const record = await this.read(id, generation);
      // `none` would say that the lease is mine.
      if (record.kind === 'none') throw error;
      return record;
    }
  }

  async acquireMany(
    ids: readonly EntryId[],
    generation: string,
    token: string,
    leaseMs: number,
    askedAt: number,
  ): Promise<readonly (StoredRecord | RemoteError)[]> {
    const keys = ids.map((id) => this.#keys.entry(id, generation));
    const terms = [leaseRecord(token), Math.ceil(askedAt + leaseMs)];
    if (keys.length <= MOST_KEYS_AT_ONCE) return this.#takeLeases(keys, token, terms);
    const found = await this.#connections.send<(Buffer | null)[]>((pipeline) => pipeline.mgetBuffer(keys));
    const missing = keys.filter((_, index) => found[index] === null);
    const taken = missing.length === 0 ? [] : await this.#takeLeases(missing, token, terms);
    let next = 0;
    return found.map((bytes) => (bytes === null ? (taken[next++] ?? NO_ANSWER) : recordFor(token, bytes)));
  }

  async #takeLeases(
    keys: readonly string[],
    token: string,
    terms: readonly (string | number)[],
  ): Promise<readonly (StoredRecord | RemoteError)[]> {
    const reply = await this.#connections.runBuffer(SCRIPTS.acquire, keys, terms);
    if (!Array.isArray(reply)) throw unexpected('acquire', reply);
    return reply.map((held: Buffer | Error | null) =>
      held instanceof Error ? toRemoteError(held) : recordFor(token, held),
    );
  }

  async read(id: EntryId, generation: string): Promise<StoredRecord> {
    const key = this.#keys.entry(id, generation);
    return parseRecord(await this.#connections.send<Buffer | null>((pipeline) => pipeline.getBuffer(key)));
  }

  async readMany(ids: readonly EntryId[], generation: string): Promise<readonly StoredRecord[]> {
    const reading: Promise<(Buffer | null)[]>[] = [];
    for (let at = 0; at < ids.length; at += KEYS_PER_READ) {
      const keys = ids.slice(at, at + KEYS_PER_READ).map((id) => this.#keys.entry(id, generation));
      reading.push(this.#connections.send((pipeline) => pipeline.mgetBuffer(keys)));
    }
    return (await Promise.all(reading)).flat().map(parseRecord);
  }

  async remaining(id: EntryId, generation: string): Promise<number | undefined> {
    const key = this.#keys.entry(id, generation);
    const left = Number(await this.#connections.send<number | string>((pipeline) => pipeline.pttl(key)));
    if (left === -2) return undefined;
    return left === -1 ? Infinity : left;
  }

  async fill(request: FillRequest): Promise<boolean> {
    const { id, generation, expected, claim, token, body, age, notAfter, keepFor } = request;
    const keys = [this.#keys.entry(id, generation), this.#keys.history];
    if (claim !== undefined) keys.push(this.#keys.claim(id, generation));
    const prefix = recordPrefix(expected.kind, expected.token);
    const dated = Math.floor(notAfter ?? LATEST);
    const given = leaseRecord(claim ?? '');
    const { shape } = this.#keys;
    const args = [prefix, token, Math.ceil(age), stay(keepFor), bytesOf(body), given, dated, generation, shape];
    return (await this.#connections.run(SCRIPTS.fill, keys, args)) === 1;
  }

  async release(id: EntryId, generation: string, token: string): Promise<void> {
    await releaseRight(this.#connections, { key: this.#keys.entry(id, generation), token });
  }

  async renew(id: EntryId, generation: string, token: string, leaseMs: number): Promise<boolean> {
    return renewRight(this.#connections, { key: this.#keys.entry(id, generation), token }, leaseMs);
  }

  async claimRefresh(id: EntryId, generation: string, token: string, leaseMs: number): Promise<ClaimAnswer> {
    return takeClaim(this.#connections, { key: this.#keys.claim(id, generation), token }, leaseMs);
  }

  async renewRefresh(id: EntryId, generation: string, token: string, leaseMs: number): Promise<boolean> {
    return renewRight(this.#connections, { key: this.#keys.claim(id, generation), token }, leaseMs);
  }

  async releaseRefresh(id: EntryId, generation: string, token: string): Promise<void> {
    await releaseRight(this.#connections, { key: this.#keys.claim(id, generation), token });
  }

  async leaveOutcome(note: OutcomeNote): Promise<void> {
    const { id, generation, of, token } = note;
    const key = of === 'lease' ? this.#keys.entry(id, generation) : this.#keys.claim(id, generation);
    await noteOutcome(this.#connections, { key, token }, note);
  }

  async tagGenerations(
    tags: readonly EntryId[],
    generation: string,
    keepFor: number,
  ): Promise<readonly TagGeneration[]> {
    if (tags.length === 0) return [];
    const keys = [this.#keys.history, ...tags.map((tag) => this.#keys.tag(tag, generation))];
    const reply = await this.#connections.run(SCRIPTS.tagGenerations, keys, [stay(keepFor)]);
    return generationsOf(reply);
  }

  async invalidate(
    order: InvalidationOrder,
    session: Session,
    isRepair = false,
  ): Promise<{ kind: 'done'; sequence: number } | typeof MISMATCH> {
    const { epoch, generation } = session;
    const { ids, tags } = order.targets;
    const moved = tags.map((tag) => this.#keys.tag(tag, generation));
    const reply = await this.#shapes.order((shapes, known) => {
      const records = shapes.flatMap((shape) => ids.map((id) => this.#keys.entryOf(shape, id, generation)));
      return this.#connections.run(
        SCRIPTS.invalidate,
        [this.#keys.history, ...records, ...moved],
        [
          epoch,
          generation,
          order.mode,
          records.length,
          systemRandom.token(),
          this.#keys.bus,
          invalidationHead(order),
          isRepair ? 1 : 0,
          known,
        ],
      );
    });
    return reply === null ? MISMATCH : { kind: 'done', sequence: Number(reply) };
  }

  async write(
    request: WriteRequest,
  ): Promise<{ kind: 'done'; sequence: number } | { kind: 'older' } | typeof MISMATCH> {
    const { id, session, origin, token, body, keepFor, version } = request;
    const { epoch, generation } = session;
    const targets = { ids: [id], tags: [] };
    const { history, bus, shape: own, entry, entryOf } = this.#keys;
    const reply = await this.#shapes.order((shapes, known) => {
      const others = shapes.filter((shape) => shape !== own).map((shape) => entryOf(shape, id, generation));
      return this.#connections.run(
        SCRIPTS.write,
        [history, entry(id, generation), ...others],
        [
          epoch,
          generation,
          token,
          stay(keepFor),
          versionField(version),
          bus,
          invalidationHead({ targets, mode: 'delete', origin }),
          bytesOf(body),
          known,
          own,
        ],
      );
    });
    if (reply === null) return MISMATCH;
    return reply === 'older' ? { kind: 'older' } : { kind: 'done', sequence: Number(reply) };
  }

  sweep(
    generation: string,
    namespace: string,
    matches: (id: EntryId) => boolean,
    mode: InvalidationMode,
  ): Promise<number> {
    return sweepEntries(this.#connections, this.#keys, { generation, namespace, matches }, mode);
  }

  sweepOthers(session: Session, holder: string, cursor?: string) {
    return sweepOthers(this.#connections, this.#keys, session, { holder, cursor });
  }
}

/** Later than any moment that a fill could be stamped with. */
const LATEST = Number.MAX_SAFE_INTEGER;
