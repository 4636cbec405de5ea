import type { InvalidationOrder } from '../../core/model/invalidation.ts';
import type { EntryId } from '../../core/model/key.ts';
import type { KnownTags, TagGeneration } from '../../core/model/tags.ts';
import type { CacheIdentity } from '../../core/ports/cache-identity.ts';
import type { Packing } from '../../core/ports/codec.ts';
import type { ClaimAnswer, OutcomeNote } from '../../core/ports/load-outcome.ts';
import {
  type Agreement,
  type FillRequest,
  type Heartbeat,
  RemoteError,
  type RemoteListener,
  type RemoteTier,
  type RepairedGeneration,
  type Session,
  type StoredRecord,
  type WriteRequest,
} from '../../core/ports/remote-tier.ts';
import type { RemoteInfo } from '../../core/ports/server-info.ts';
import type { SweepRequest, SweptStep } from '../../core/ports/sweeps.ts';
import { systemRandom } from '../../core/primitives/clock.ts';
import { BrokenRecords, type Held } from './broken-records.ts';
import type { Connections } from './connection/connections.ts';
import { EntryReads } from './entry-reads.ts';
import type { EvictionWatch } from './eviction-watch.ts';
import { KnownShapes } from './known-shapes.ts';
import { sweepOthers } from './old-generations.ts';
import type { Integrity } from './protocol/integrity.ts';
import type { Keyspace, Naming } from './protocol/keyspace.ts';
import { heartbeatHead, invalidationHead } from './protocol/message.ts';
import { INFO_SECTIONS, parseInfo } from './protocol/parse-info.ts';
import { agreementOf, generationsOf, heartbeatOf, knownArguments } from './protocol/replies.ts';
import { SCRIPTS } from './protocol/scripts.ts';
import {
  bytesOf,
  endingWith,
  leaseRecord,
  PLAIN_END,
  recordPrefix,
  stay,
  versionField,
} from './protocol/stored-record.ts';
import { noteOutcome, releaseRight, renewRight, takeClaim } from './rights.ts';
import { sweepEntries } from './sweep.ts';

const MISMATCH = { kind: 'session-mismatch' } as const;

/** The form in which this cache's bodies lie in Redis, and the proof that they are its own. */
interface Forms {
  readonly packing: Packing;
  readonly integrity: Integrity | undefined;
}

/** L2 in one Redis server. Each method is one command or one script; see `scripts.ts` for what they do. */
export class RedisRemoteTier implements RemoteTier {
  readonly system = 'redis';
  readonly packing: Packing;
  readonly madeWith: Naming;
  readonly #connections: Connections;
  readonly #evictions: EvictionWatch;
  #started: Keyspace | undefined;
  readonly #shapes = new KnownShapes();
  readonly #broken: BrokenRecords;
  readonly #entries: EntryReads;
  readonly #integrity: Integrity | undefined;

  /**
   * @param naming That of the bus that was made with this tier.
   */
  constructor(connections: Connections, naming: Naming, evictions: EvictionWatch, { packing, integrity }: Forms) {
    this.packing = packing;
    this.#integrity = integrity;
    this.madeWith = naming;
    this.#connections = connections;
    this.#broken = new BrokenRecords(connections);
    this.#entries = new EntryReads(connections, this.#broken, integrity);
    this.#evictions = evictions;
  }

  get #keys(): Keyspace {
    if (this.#started === undefined) throw new RemoteError('unavailable', 'No cache has started this tier');
    return this.#started;
  }

  start(listener: RemoteListener, cache: CacheIdentity): void {
    this.#started = this.madeWith.keyspaceOf(cache);
    this.#shapes.learn(this.#started.shape);
    this.#broken.start((error) => listener.onAlarm(error));
    this.#entries.start(this.#started);
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

  async heartbeat(instance: string, nonce: string, wantsMark = false, believed = ''): Promise<Heartbeat> {
    const { history, echo, shape } = this.#keys;
    const epoch = this.#connections.epoch ?? '';
    const reply = await this.#connections.run(
      SCRIPTS.heartbeat,
      [history],
      [epoch, echo(instance), heartbeatHead(nonce), wantsMark ? 1 : 0, nonce, shape, believed],
    );
    const { beat, shapes, mended } = heartbeatOf(reply, shape);
    this.#broken.tell(mended);
    if (beat.generation !== undefined) this.#shapes.learn(shapes);
    if (beat.epoch !== epoch) {
      // Something between us switched servers under an open connection.
      this.reset();
      throw new RemoteError('unavailable', 'Another server answers on this connection');
    }
    return beat;
  }

  async agreeGeneration(epoch: string, proposal: string, replaces = '', after = 0): Promise<Agreement> {
    const reply = await this.#agree(epoch, proposal, [replaces, '', '', '', after]);
    if (reply === undefined)
      throw new RemoteError('unavailable', 'Redis restarted or failed over during this operation');
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

  acquire(id: EntryId, generation: string, token: string, leaseMs: number, askedAt?: number): Promise<StoredRecord> {
    return this.#entries.acquire(id, generation, token, leaseMs, askedAt);
  }

  acquireMany(
    ids: readonly EntryId[],
    generation: string,
    token: string,
    leaseMs: number,
    askedAt: number,
  ): Promise<readonly Held[]> {
    return this.#entries.acquireMany(ids, generation, token, leaseMs, askedAt);
  }

  read(id: EntryId, generation: string): Promise<StoredRecord> {
    return this.#entries.read(id, generation);
  }

  readMany(ids: readonly EntryId[], generation: string): Promise<readonly StoredRecord[]> {
    return this.#entries.readMany(ids, generation);
  }

  async remaining(id: EntryId, generation: string): Promise<number | undefined> {
    const key = this.#keys.entry(id, generation);
    const left = Number(await this.#connections.send<number | string>((pipeline) => pipeline.pttl(key)));
    if (left === -2) return undefined;
    return left === -1 ? Infinity : left;
  }

  async fill(request: FillRequest): Promise<boolean> {
    const { id, generation, expected, claim, token, body, age, notAfter, keepFor } = request;
    const key = this.#keys.entry(id, generation);
    const keys = [key, this.#keys.history];
    if (claim !== undefined) keys.push(this.#keys.claim(id, generation));
    const prefix = recordPrefix(expected.kind, expected.token);
    const dated = Math.floor(notAfter ?? LATEST);
    const given = leaseRecord(claim ?? '');
    const { shape } = this.#keys;
    const args = [prefix, token, Math.ceil(age), stay(keepFor), bytesOf(body), given, dated, generation, shape];
    return (await this.#connections.run(SCRIPTS.fill, keys, [...args, this.#endingOf(key, body)])) === 1;
  }

  async release(id: EntryId, generation: string, token: string): Promise<void> {
    await releaseRight(this.#connections, { key: this.#keys.entry(id, generation), token });
  }

  async renew(id: EntryId, generation: string, token: string, leaseMs: number): Promise<boolean> {
    return renewRight(this.#connections, { key: this.#keys.entry(id, generation), token }, leaseMs);
  }

  async claimRefresh(id: EntryId, generation: string, token: string, leaseMs: number): Promise<ClaimAnswer> {
    const key = this.#keys.claim(id, generation);
    try {
      const answer = await takeClaim(this.#connections, { key, token }, leaseMs);
      if (answer !== 'granted') await this.#broken.giveEnd(key, leaseMs);
      return answer;
    } catch (error) {
      if (!this.#broken.isForeign(error)) throw error;
      await this.#broken.remove(key, 'claim');
      return this.claimRefresh(id, generation, token, leaseMs);
    }
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
    known?: KnownTags,
  ): Promise<readonly TagGeneration[]> {
    if (tags.length === 0) return [];
    const keys = [this.#keys.history, ...tags.map((tag) => this.#keys.tag(tag, generation))];
    return generationsOf(
      await this.#connections.run(SCRIPTS.tagGenerations, keys, [stay(keepFor), ...knownArguments(known)]),
    );
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
          this.#headOf(order),
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
    const key = entry(id, generation);
    const reply = await this.#shapes.order((shapes, known) => {
      const others = shapes.filter((shape) => shape !== own).map((shape) => entryOf(shape, id, generation));
      return this.#connections.run(
        SCRIPTS.write,
        [history, key, ...others],
        [
          epoch,
          generation,
          token,
          stay(keepFor),
          versionField(version),
          bus,
          this.#headOf({ targets, mode: 'delete', origin }),
          bytesOf(body),
          known,
          own,
          this.#endingOf(key, body),
        ],
      );
    });
    if (reply === null) return MISMATCH;
    return reply === 'older' ? { kind: 'older' } : { kind: 'done', sequence: Number(reply) };
  }

  #endingOf(key: string, body: string | Uint8Array): string {
    return this.#integrity === undefined ? PLAIN_END : endingWith(this.#integrity.seal(key, body));
  }

  #headOf(order: InvalidationOrder): string {
    const integrity = this.#integrity;
    return invalidationHead(order, integrity && ((said) => integrity.sign(this.#keys.bus, said)));
  }

  sweep(request: SweepRequest): Promise<SweptStep> {
    return sweepEntries(this.#connections, this.#keys, request);
  }

  sweepOthers(session: Session, holder: string, cursor?: string) {
    return sweepOthers(this.#connections, this.#keys, session, { holder, cursor });
  }
}

/** Later than any moment that a fill could be stamped with. */
const LATEST = Number.MAX_SAFE_INTEGER;
