import type { Buffer } from 'node:buffer';
import type { EntryId } from '../../core/model/key.ts';
import { longestLeaseMs } from '../../core/ports/lease-length.ts';
import { RemoteError, type StoredRecord } from '../../core/ports/remote-tier.ts';
import type { BrokenRecords, Held } from './broken-records.ts';
import type { Connections } from './connection/connections.ts';
import { toRemoteError } from './connection/failure.ts';
import type { Integrity } from './protocol/integrity.ts';
import type { Keyspace } from './protocol/keyspace.ts';
import { unexpected } from './protocol/replies.ts';
import { SCRIPTS } from './protocol/scripts.ts';
import { bodyStart, HEADER, leaseRecord, parseRecord, recordFor } from './protocol/stored-record.ts';

/** Limits the keys of one MGET, because the server answers no other client meanwhile. */
const KEYS_PER_READ = 500;

/**
 * So many keys are read, and their leases taken, in one step. A script takes five times as long as a plain read, which
 * counts where there are many: of those the missing ones are asked for in a second step.
 */
const MOST_KEYS_AT_ONCE = 16;

const NOT_SEALED = 'their MAC is missing, or belongs to no integrityKey of this instance';

const NO_ANSWER = new RemoteError('error', 'Redis gave no answer for this key');

/** Reads entries by their keys, and takes leases where there are none. */
export class EntryReads {
  readonly #connections: Connections;
  readonly #broken: BrokenRecords;
  readonly #integrity: Integrity | undefined;
  #started: Keyspace | undefined;

  /** @param integrity What a value must be sealed by; without it, any value is taken. */
  constructor(connections: Connections, broken: BrokenRecords, integrity: Integrity | undefined) {
    this.#connections = connections;
    this.#broken = broken;
    this.#integrity = integrity;
  }

  start(keys: Keyspace): void {
    this.#started = keys;
  }

  #keyOf(id: EntryId, generation: string): string {
    if (this.#started === undefined) throw new RemoteError('unavailable', 'No cache has started this tier');
    return this.#started.entry(id, generation);
  }

  /** See `RemoteTier.acquire`. */
  async acquire(
    id: EntryId,
    generation: string,
    token: string,
    leaseMs: number,
    askedAt?: number,
  ): Promise<StoredRecord> {
    const key = this.#keyOf(id, generation);
    const lease = leaseRecord(token);
    try {
      const bytes = await this.#connections.send<Buffer | null>((pipeline) =>
        askedAt === undefined
          ? pipeline.setBuffer(key, lease, 'PX', Math.ceil(leaseMs), 'NX', 'GET')
          : pipeline.setBuffer(key, lease, 'PXAT', Math.ceil(askedAt + leaseMs), 'NX', 'GET'),
      );
      const record = this.#intact(key, bytes, recordFor(token, bytes));
      if (record.kind === 'lease' || record.kind === 'outcome') await this.#broken.giveEnd(key, leaseMs);
      return record;
    } catch (error) {
      if (this.#broken.isForeign(error)) {
        await this.#broken.remove(key, 'entry');
        return this.acquire(id, generation, token, leaseMs, askedAt);
      }
      if (!(error instanceof RemoteError) || error.failure !== 'full') throw error;
      // A full server refuses the command even where it would only read.
      const record = await this.read(id, generation);
      // `none` would say that the lease is mine.
      if (record.kind === 'none') throw error;
      return record;
    }
  }

  /** See `RemoteTier.acquireMany`. */
  async acquireMany(
    ids: readonly EntryId[],
    generation: string,
    token: string,
    leaseMs: number,
    askedAt: number,
  ): Promise<readonly Held[]> {
    const keys = ids.map((id) => this.#keyOf(id, generation));
    const length = Math.ceil(leaseMs);
    const terms = [leaseRecord(token), Math.ceil(askedAt + leaseMs), length, Math.ceil(longestLeaseMs(leaseMs))];
    const held = await (keys.length <= MOST_KEYS_AT_ONCE
      ? this.#takeLeases(keys, token, terms)
      : this.#readFirst(keys, token, terms));
    if (!held.some((each) => this.#broken.isForeign(each))) return held;
    const again = (place: number) => this.acquire(ids[place] ?? '', generation, token, leaseMs, askedAt);
    return Promise.all(held.map((each, place) => (this.#broken.isForeign(each) ? again(place) : each)));
  }

  /** See `RemoteTier.read`. What is of another type than a record holds nothing. */
  async read(id: EntryId, generation: string): Promise<StoredRecord> {
    const key = this.#keyOf(id, generation);
    try {
      const bytes = await this.#connections.send<Buffer | null>((pipeline) => pipeline.getBuffer(key));
      return this.#intact(key, bytes, parseRecord(bytes));
    } catch (error) {
      if (this.#broken.isForeign(error)) return { kind: 'none' };
      throw error;
    }
  }

  /** See `RemoteTier.readMany`. */
  async readMany(ids: readonly EntryId[], generation: string): Promise<readonly StoredRecord[]> {
    const keys = ids.map((id) => this.#keyOf(id, generation));
    const reading: Promise<(Buffer | null)[]>[] = [];
    for (let at = 0; at < keys.length; at += KEYS_PER_READ) {
      const some = keys.slice(at, at + KEYS_PER_READ);
      reading.push(this.#connections.send((pipeline) => pipeline.mgetBuffer(some)));
    }
    const held = (await Promise.all(reading)).flat();
    return held.map((bytes, place) => this.#intact(keys[place] ?? '', bytes, parseRecord(bytes)));
  }

  /** Of very many keys, the missing ones are asked for in a second step. */
  async #readFirst(
    keys: readonly string[],
    token: string,
    terms: readonly (string | number)[],
  ): Promise<readonly Held[]> {
    const found = await this.#connections.send<(Buffer | null)[]>((pipeline) => pipeline.mgetBuffer([...keys]));
    const missing = keys.filter((_, index) => found[index] === null);
    const taken = missing.length === 0 ? [] : await this.#takeLeases(missing, token, terms);
    let next = 0;
    return found.map((bytes, place) =>
      bytes === null ? (taken[next++] ?? NO_ANSWER) : this.#intact(keys[place] ?? '', bytes, recordFor(token, bytes)),
    );
  }

  async #takeLeases(
    keys: readonly string[],
    token: string,
    terms: readonly (string | number)[],
  ): Promise<readonly Held[]> {
    const reply = await this.#connections.runBuffer(SCRIPTS.acquire, keys, terms);
    if (!Array.isArray(reply)) throw unexpected('acquire', reply);
    if (Number(reply.pop()) > 0) this.#broken.tell('lease');
    return reply.map((held: Buffer | Error | null, place) =>
      held instanceof Error ? toRemoteError(held) : this.#intact(keys[place] ?? '', held, recordFor(token, held)),
    );
  }

  /**
   * A value whose seal is wrong or missing has no body: the codec refuses it, and the token lets a fill replace it. Without a
   * key this is one comparison.
   */
  #intact(key: string, bytes: Buffer | null, record: StoredRecord): StoredRecord {
    const integrity = this.#integrity;
    if (integrity === undefined || bytes === null || record.kind !== 'value') return record;
    if (integrity.isSealed(bytes, HEADER.bytes, bodyStart(bytes), key)) return record;
    // It has no whole header, so it cannot have a MAC either.
    if (record.value.broken !== undefined) return record;
    this.#broken.tellUnsealed();
    return { kind: 'value', value: { ...record.value, body: '', broken: NOT_SEALED } };
  }
}
