import type { Buffer } from 'node:buffer';
import type { ChainableCommander, Redis } from 'ioredis';
import { RemoteError, type RemoteListener } from '../../../core/ports/remote-tier.ts';
import type { Keyspace } from '../protocol/keyspace.ts';
import type { Script } from '../protocol/script.ts';
import type { Backoff } from './backoff.ts';
import { Connection } from './connection.ts';
import { isReply, toRemoteError } from './failure.ts';
import { enterPlace } from './live-places.ts';

/** A client to send commands with, and the pauses between its attempts to connect. */
export interface OwnClient {
  readonly client: Redis;
  readonly backoff: Backoff;
}

type Argument = string | number | Buffer;

type Append = (pipeline: ChainableCommander) => ChainableCommander;

/**
 * The command connections as one: connected while all of them are, to one run of one server. Losing any of them counts
 * as losing all, since after that they may reach different servers.
 */
export class Connections {
  readonly #connections: readonly Connection[];
  readonly #address: string;
  readonly #warn: (warning: string) => void;
  #leave: () => void = () => {};
  #listener: RemoteListener | undefined;
  #connected = false;
  /** Raised at every loss: an answer that was asked for before it is not believed after it. */
  #period = 0;
  #turn = 0;
  #thisTurn: Connection | undefined;
  #said: string | undefined;
  /** The reason why there is no connection, for the next caller that needs one. */
  #reason: Error | undefined;

  /** @param warn Told when another open cache of this process is at the same place. */
  constructor(clients: readonly OwnClient[], warn: (warning: string) => void) {
    this.#warn = warn;
    this.#address = addressOf(clients[0]?.client);
    this.#connections = clients.map(({ client, backoff }) => {
      const connection: Connection = new Connection(client, backoff, {
        onOpen: () => this.#onOpen(connection),
        onLost: (error) => this.#onLost(error),
        onRefused: (error) => this.#onRefused(error),
      });
      return connection;
    });
  }

  /** The run of the server that all are connected to. */
  get epoch(): string | undefined {
    return this.#connected ? this.#connections[0]?.epoch : undefined;
  }

  start(listener: RemoteListener, keys: Keyspace): void {
    this.#listener = listener;
    const { database, namespace } = keys;
    this.#leave = enterPlace(`namespace ${namespace} in database ${database} of ${this.#address}`, this.#warn);
    for (const connection of this.#connections) connection.start(keys);
  }

  reset(): void {
    for (const connection of this.#connections) connection.reset();
  }

  async close(): Promise<void> {
    this.#leave();
    this.#listener = undefined;
    this.#connected = false;
    this.#period++;
    await Promise.all(this.#connections.map((connection) => connection.close()));
  }

  /**
   * Sends one command, in one packet with all others of this turn.
   * @param append Adds exactly one command.
   * @typeParam T What ioredis promises as its reply.
   * @throws {@link RemoteError} at once when not connected.
   */
  async send<T>(append: (pipeline: ChainableCommander) => ChainableCommander): Promise<T> {
    const connection = this.#pick();
    const period = this.#period;
    const isLost = () => period !== this.#period;
    let reply: T;
    try {
      reply = await connection.send(append);
    } catch (error) {
      throw isLost() ? lost(error) : toRemoteError(error);
    }
    if (isLost()) throw lost(undefined);
    return reply;
  }

  /** Calls `run` before what this turn sends goes out; soon, while there is no connection. */
  beforeSending(run: () => void): void {
    if (this.#connected) this.#pick().beforeSending(run);
    else queueMicrotask(run);
  }

  /** Runs a script by its digest. A server that lost its scripts is sent the source, once. */
  run(script: Script, keys: readonly string[], args: readonly Argument[]): Promise<unknown> {
    return this.#run(
      (pipeline) => pipeline.evalsha(script.sha, keys.length, ...keys, ...args),
      (pipeline) => pipeline.eval(script.lua, keys.length, ...keys, ...args),
    );
  }

  /** {@link run}, with the bytes of the reply as they are. */
  runBuffer(script: Script, keys: readonly string[], args: readonly Argument[]): Promise<unknown> {
    return this.#run(
      (pipeline) => pipeline.callBuffer('EVALSHA', script.sha, keys.length, ...keys, ...args),
      (pipeline) => pipeline.callBuffer('EVAL', script.lua, keys.length, ...keys, ...args),
    );
  }

  async #run(byDigest: Append, bySource: Append): Promise<unknown> {
    try {
      return await this.send(byDigest);
    } catch (error) {
      if (!(error instanceof RemoteError) || !isReply(error.cause, 'NOSCRIPT')) throw error;
      return this.send(bySource);
    }
  }

  #pick(): Connection {
    const picked = this.#thisTurn ?? this.#connections[this.#turn++ % this.#connections.length];
    if (!this.#connected || picked === undefined) {
      const why = this.#reason === undefined ? '' : `: ${this.#reason.message}`;
      throw new RemoteError('unavailable', `Redis is not connected${why}`, { cause: this.#reason });
    }
    if (this.#thisTurn === undefined && this.#connections.length > 1) {
      this.#thisTurn = picked;
      picked.onClosed(() => {
        this.#thisTurn = undefined;
      });
    }
    return picked;
  }

  #onOpen(opened: Connection): void {
    // The newest connection shows which server answers at the address now; the others must follow it there.
    for (const other of this.#connections) {
      if (other.epoch !== undefined && other.epoch !== opened.epoch) other.reset();
    }
    if (this.#connections.some((connection) => connection.epoch === undefined)) return;
    this.#connected = true;
    this.#said = undefined;
    this.#reason = undefined;
    this.#listener?.onConnect();
  }

  #onLost(error: Error): void {
    this.#reason = error;
    if (!this.#connected) return;
    this.#connected = false;
    this.#period++;
    this.#listener?.onDisconnect(error);
  }

  /**
   * An absent server is no alarm, and what is one is said once until a connection succeeds: an attempt a second must not
   * be an alarm a second.
   */
  #onRefused(error: RemoteError): void {
    this.#reason = error;
    if (error.failure === 'unavailable' || error.message === this.#said) return;
    this.#said = error.message;
    this.#listener?.onAlarm(error);
  }
}

/** Without user and password. */
function addressOf(client: Redis | undefined): string {
  const { path, host, port } = client?.options ?? {};
  return path ?? `${host ?? 'localhost'}:${port ?? 6379}`;
}

function lost(cause: unknown): RemoteError {
  return new RemoteError('unavailable', 'The connection was lost before the answer came', { cause });
}
