import type { ChainableCommander, Redis } from 'ioredis';
import { RemoteError } from '../../../core/ports/remote-tier.ts';
import type { Keyspace } from '../protocol/keyspace.ts';
import { SCRIPTS } from '../protocol/scripts.ts';
import { Batch } from './auto-pipeline.ts';
import type { Backoff } from './backoff.ts';
import { toRemoteError } from './failure.ts';
import { epochOf } from './server-identity.ts';
import { isOfSelect, nameConnection, selectDatabase } from './set-up.ts';

/** The reports of a {@link Connection} to its owner. */
export interface ConnectionListener {
  /** The server was asked who it is and has the scripts: commands can be sent. */
  onOpen(): void;
  onLost(error: Error): void;
  /** An attempt to connect failed, or the server may not be used as it is. Tried again all the same. */
  onRefused(error: RemoteError): void;
}

/**
 * One client and whether it may be used: a connection is open from the moment its server's version is checked, its database
 * is selected and the scripts are loaded until it closes.
 */
export class Connection {
  readonly #client: Redis;
  readonly #batch: Batch;
  readonly #backoff: Backoff;
  readonly #listener: ConnectionListener;
  #database = 0;
  #epoch: string | undefined;
  /** Told apart from the connections before and after it, whose answers may still come in. */
  #attempt = 0;
  #error: Error | undefined;
  #opening: Promise<void> | undefined;

  constructor(client: Redis, backoff: Backoff, listener: ConnectionListener) {
    this.#client = client;
    this.#batch = new Batch(client);
    this.#backoff = backoff;
    this.#listener = listener;
  }

  /** The run of the server at the other end; `undefined` while no command may be sent. */
  get epoch(): string | undefined {
    return this.#epoch;
  }

  start({ namespace, database }: Keyspace): void {
    const client = this.#client;
    this.#database = database;
    nameConnection(client, namespace, 'data');
    client.on('error', this.#onError);
    client.on('ready', this.#onReady);
    client.on('close', this.#onClose);
    // A failed attempt is also a `close` event, which is what counts here.
    client.connect().catch(() => undefined);
  }

  /** Sends one command, in one packet with all others of this turn. Fails with the connection. */
  send<T>(append: (pipeline: ChainableCommander) => ChainableCommander): Promise<T> {
    return this.#batch.send(append);
  }

  /** Calls `run` before what this turn sends goes out. */
  beforeSending(run: () => void): void {
    this.#batch.beforeSending(run);
  }

  /** Calls `run` when nothing can be added any more to what this turn sends. */
  onClosed(run: () => void): void {
    this.#batch.onClosed(run);
  }

  /** Drops the socket; the client connects again by itself. */
  reset(): void {
    this.#lose(new RemoteError('unavailable', 'The connection was reset'));
    // While it is connecting there is nothing to drop, and ioredis would give up for good.
    if (this.#client.status === 'ready' || this.#client.status === 'connect') this.#client.disconnect(true);
  }

  async close(): Promise<void> {
    const client = this.#client;
    this.#attempt++;
    this.#epoch = undefined;
    client.off('ready', this.#onReady);
    client.off('close', this.#onClose);
    client.disconnect();
    await this.#opening;
  }

  readonly #onError = (error: Error): void => {
    if (isOfSelect(error)) return;
    this.#error = error;
    this.#listener.onRefused(toRemoteError(error));
  };

  readonly #onReady = (): void => {
    this.#opening = this.#open(++this.#attempt);
  };

  readonly #onClose = (): void =>
    this.#lose(this.#error ?? new RemoteError('unavailable', 'The connection was closed'));

  async #open(attempt: number): Promise<void> {
    const client = this.#client;
    try {
      const epoch = epochOf(await client.info('server'));
      await selectDatabase(client, this.#database);
      await Promise.all(Object.values(SCRIPTS).map(({ lua }) => client.script('LOAD', lua)));
      if (attempt !== this.#attempt) return;
      this.#epoch = epoch;
      this.#error = undefined;
      this.#backoff.reset();
      this.#listener.onOpen();
    } catch (error) {
      if (attempt !== this.#attempt) return;
      this.#listener.onRefused(toRemoteError(error));
      // The cause may end: an operator grants a right, a server ends loading, another one stands at the address.
      if (client.status === 'ready') client.disconnect(true);
    }
  }

  #lose(error: Error): void {
    this.#attempt++;
    if (this.#epoch === undefined) return;
    this.#epoch = undefined;
    this.#listener.onLost(error);
  }
}
