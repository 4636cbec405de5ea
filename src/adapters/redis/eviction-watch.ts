import type { Redis } from 'ioredis';
import type { EntryId } from '../../core/model/key.ts';
import { toRemoteError } from './connection/failure.ts';
import { nameConnection, selectDatabase } from './connection/set-up.ts';
import type { Keyspace } from './protocol/keyspace.ts';

/** The pause after a server has refused to tell this client of evictions. */
const RETRY_MS = 5 * 60_000;

/**
 * Hears which entries a server evicts, where its keyspace events are on (`notify-keyspace-events` with `E` and `e`).
 *
 * On a connection of its own: a flood of evictions fills the output buffer of the listener, and the bus must neither
 * lose its subscription by that nor have a heartbeat wait behind it. Nothing depends on what is heard here: a connection
 * that is lost is made again at the next call, without a report.
 */
export class EvictionWatch {
  readonly #client: Redis;
  #keys: Keyspace | undefined;
  #onEvicted: ((id: EntryId) => void) | undefined;
  #opening: Promise<void> | undefined;
  #notBefore = Number.NEGATIVE_INFINITY;

  /** @param client Connects when told, and never again by itself. */
  constructor(client: Redis) {
    this.#client = client;
    client.on('error', () => undefined);
    client.on('message', (_channel: string, key: string) => {
      const id = this.#keys?.idOfEntry(key);
      if (id !== undefined) this.#onEvicted?.(id);
    });
  }

  /**
   * See `RemoteTier.watchEvictions`.
   * @param keys Names of what is watched; without any, no connection is made.
   */
  watch(onEvicted: ((id: EntryId) => void) | undefined, keys = this.#keys): void {
    this.#onEvicted = onEvicted;
    this.#keys = keys;
    const { status } = this.#client;
    if (onEvicted === undefined || keys === undefined) {
      if (status !== 'wait' && status !== 'end') this.#client.disconnect();
    } else if ((status === 'wait' || status === 'end') && performance.now() >= this.#notBefore) {
      this.#opening = this.#open(keys);
    }
  }

  async close(): Promise<void> {
    this.watch(undefined);
    await this.#opening;
  }

  async #open({ namespace, database }: Keyspace): Promise<void> {
    const client = this.#client;
    nameConnection(client, namespace, 'evictions');
    try {
      await client.connect();
      await selectDatabase(client, database);
      if (await this.#isOn()) await client.subscribe(`__keyevent@${database}__:evicted`);
      else this.#giveUp();
    } catch (error) {
      if (toRemoteError(error).failure === 'unavailable') client.disconnect();
      else this.#giveUp();
    }
  }

  /** A server that does not say may tell all the same. */
  async #isOn(): Promise<boolean> {
    try {
      const [, flags] = (await this.#client.config('GET', 'notify-keyspace-events')) as string[];
      return flags === undefined || (flags.includes('E') && /[eA]/.test(flags));
    } catch (error) {
      if (toRemoteError(error).failure === 'unavailable') throw error;
      return true;
    }
  }

  #giveUp(): void {
    this.#notBefore = performance.now() + RETRY_MS;
    this.#client.disconnect();
  }
}
