import { longestLeaseMs } from '../../core/ports/lease-length.ts';
import { RemoteError, type StoredRecord } from '../../core/ports/remote-tier.ts';
import type { Connections } from './connection/connections.ts';
import { isReply } from './connection/failure.ts';
import { SCRIPTS } from './protocol/scripts.ts';

/** A kind of record that breaks again and again is told of once in this time. */
const PERIOD_MS = 60_000;

const UNSEALED =
  'A value in Redis has no MAC of a configured integrityKey, or a wrong one, and is not served: another program has written ' +
  'it, or an instance without these keys';

/** The result of reading one key. */
export type Held = StoredRecord | RemoteError;

/**
 * Mends records in Redis that no Tiercel has written, where they would stand in the way for good. An operator is told once of
 * each kind: another program writes there, or an operator has edited the record.
 */
export class BrokenRecords {
  readonly #connections: Connections;
  #onAlarm: (error: Error) => void = () => {};
  /** Kinds of records are few. */
  readonly #quietUntil = new Map<string, number>();

  constructor(connections: Connections) {
    this.#connections = connections;
  }

  start(onAlarm: (error: Error) => void): void {
    this.#onAlarm = onAlarm;
  }

  /** @param record What was mended: `number`, `generation`, `tag`, `entry`, `lease`, …; empty for nothing. */
  tell(record: string): void {
    const sentence = `A record in Redis was broken (${record}) and has begun anew: something else than Tiercel has written it`;
    if (record !== '') this.#tellOnce(record, sentence);
  }

  /** A value is not sealed by any of the keys that are configured. */
  tellUnsealed(): void {
    this.#tellOnce('mac', UNSEALED);
  }

  #tellOnce(kind: string, sentence: string): void {
    const now = performance.now();
    if (now < (this.#quietUntil.get(kind) ?? 0)) return;
    this.#quietUntil.set(kind, now + PERIOD_MS);
    this.#onAlarm(new RemoteError('error', sentence));
  }

  /** True when a key holds another type than a record. No instance could read it, or write over it. */
  isForeign(error: unknown): boolean {
    return error instanceof RemoteError && isReply(error.cause, 'WRONGTYPE');
  }

  async remove(key: string, record: 'entry' | 'claim'): Promise<void> {
    await this.#connections.send((pipeline) => pipeline.unlink(key));
    this.tell(record);
  }

  /** Gives a lease, a claim or a note of another instance an end, if it has none or one too far away: all would wait for it. */
  async giveEnd(key: string, leaseMs: number): Promise<void> {
    const length = Math.ceil(leaseMs);
    const given = await this.#connections.run(SCRIPTS.boundRight, [key], [length, Math.ceil(longestLeaseMs(leaseMs))]);
    if (given === 1) this.tell('lease');
  }
}
