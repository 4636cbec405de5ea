import type { Buffer } from 'node:buffer';
import type { Redis } from 'ioredis';
import type { InvalidationOrder } from '../../core/model/invalidation.ts';
import type { Bus, BusListener } from '../../core/ports/bus.ts';
import type { CacheIdentity } from '../../core/ports/cache-identity.ts';
import { RemoteError } from '../../core/ports/remote-tier.ts';
import type { Backoff } from './connection/backoff.ts';
import { toRemoteError } from './connection/failure.ts';
import { isOfSelect, nameConnection, selectDatabase } from './connection/set-up.ts';
import type { Integrity } from './protocol/integrity.ts';
import type { Naming } from './protocol/keyspace.ts';
import { parseMessage, UNSIGNED } from './protocol/message.ts';

/** One subscription on a connection of its own: Redis keeps the order of messages within a connection only. */
export class RedisBus implements Bus {
  readonly madeWith: Naming;
  readonly #client: Redis;
  readonly #backoff: Backoff;
  readonly #integrity: Integrity | undefined;
  #listener: BusListener | undefined;
  /** Channels of the invalidations, and of this instance's own heartbeats. */
  #channels: readonly [bus: string, echo: string] = ['', ''];
  #database = 0;
  #subscribed = false;
  /** Told apart from the connections before and after it. */
  #attempt = 0;
  #error: Error | undefined;
  #said: string | undefined;
  #subscribing: Promise<void> | undefined;

  /** @param naming That of the tier that was made with this bus. */
  constructor(client: Redis, backoff: Backoff, naming: Naming, integrity: Integrity | undefined) {
    this.#integrity = integrity;
    this.#client = client;
    this.#backoff = backoff;
    this.madeWith = naming;
  }

  start(instance: string, listener: BusListener, cache: CacheIdentity): void {
    this.#listener = listener;
    const keys = this.madeWith.keyspaceOf(cache);
    this.#channels = [keys.bus, keys.echo(instance)];
    this.#database = keys.database;
    nameConnection(this.#client, keys.namespace, 'bus');
    const client = this.#client;
    client.on('error', (error: Error) => {
      if (isOfSelect(error)) return;
      this.#error = error;
      this.#reportRefusal(error);
    });
    client.on('ready', () => {
      this.#subscribing = this.#subscribe(++this.#attempt);
    });
    client.on('close', () => this.#lose(this.#error ?? new RemoteError('unavailable', 'The connection was closed')));
    client.on('messageBuffer', (channel: Buffer, message: Buffer) => this.#receive(channel.toString(), message));
    // A failed attempt is also a `close` event, after which the client tries again.
    client.connect().catch(() => undefined);
  }

  reset(): void {
    this.#lose(new RemoteError('unavailable', 'The subscription was reset'));
    // While it is connecting there is nothing to drop, and ioredis would give up for good.
    if (this.#client.status === 'ready' || this.#client.status === 'connect') this.#client.disconnect(true);
  }

  async close(): Promise<void> {
    this.#listener = undefined;
    this.#attempt++;
    this.#client.disconnect();
    await this.#subscribing;
  }

  async #subscribe(attempt: number): Promise<void> {
    try {
      await selectDatabase(this.#client, this.#database);
      await this.#client.subscribe(...this.#channels);
      if (attempt === this.#attempt) this.#acknowledge();
    } catch (error) {
      if (attempt !== this.#attempt) return;
      this.#reportRefusal(error);
      if (this.#client.status === 'ready') this.#client.disconnect(true);
    }
  }

  /**
   * Both channels are taken in one step of the server, so whichever comes first, the acknowledgement or a message read
   * from the same packet, proves both.
   */
  #acknowledge(): void {
    if (this.#subscribed) return;
    this.#subscribed = true;
    this.#error = undefined;
    this.#said = undefined;
    this.#backoff.reset();
    this.#listener?.onSubscribed();
  }

  #receive(channel: string, bytes: Buffer): void {
    this.#acknowledge();
    const integrity = this.#integrity;
    const verify = integrity && ((said: InvalidationOrder, mac: unknown) => integrity.isSigned(mac, channel, said));
    const message = parseMessage(bytes, channel === this.#channels[1] ? 'heartbeat' : 'invalidation', verify);
    if (typeof message !== 'string') this.#listener?.onMessage(message);
    else this.#listener?.onMalformed(`A message on ${channel} was dropped: ${message}`, message === UNSIGNED);
  }

  #lose(error: Error): void {
    this.#attempt++;
    if (!this.#subscribed) return;
    this.#subscribed = false;
    this.#listener?.onUnsubscribed(error);
  }

  /** Something to mend, not an absent server: said once, until a subscription succeeds. */
  #reportRefusal(error: unknown): void {
    const failure = toRemoteError(error);
    if (failure.failure === 'unavailable' || failure.message === this.#said) return;
    this.#said = failure.message;
    this.#listener?.onUnsubscribed(failure);
  }
}
