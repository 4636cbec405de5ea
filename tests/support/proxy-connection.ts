import { connect, type Socket } from 'node:net';
import type { Direction, Fault } from './proxy-fault.ts';
import { Flow, type FlowCounts } from './proxy-flow.ts';

/** One client's connection, and the proxy's own to the server on its behalf. */
export interface ProxyConnection {
  /** 1 for the first connection of this proxy. */
  readonly id: number;
  /** What kind of connection it is, as an observer found out; `''` until then. */
  label: string;
  readonly toServer: FlowCounts;
  readonly toClient: FlowCounts;
  /** RST to both sides. */
  reset(): void;
  /** Lets one side see a reset while the other is told nothing: a half-open connection. */
  resetOnly(side: 'client' | 'server'): void;
}

/** Who sees the bytes of a connection: each chunk when it comes in, before any fault. */
export interface Observers {
  readonly onClientData?: (connection: ProxyConnection, bytes: Uint8Array) => void;
  readonly onServerData?: (connection: ProxyConnection, bytes: Uint8Array) => void;
}

/** Finds the fault of the moment. */
export type FaultOf = (connection: ProxyConnection, direction: Direction) => Fault;

/** The proxy's own view of a {@link ProxyConnection}. */
export class Connection implements ProxyConnection {
  label = '';
  readonly id: number;
  readonly toServer: Flow;
  readonly toClient: Flow;
  /** Resolves once both sockets are gone. Never rejects. */
  readonly closed: Promise<void>;
  readonly #client: Socket;
  readonly #server: Socket;
  #isHalfOpen = false;

  constructor(
    id: number,
    client: Socket,
    target: { readonly host: string; readonly port: number },
    faultOf: FaultOf,
    { onClientData, onServerData }: Observers,
  ) {
    const server = connect({ ...target, allowHalfOpen: true, noDelay: true });
    this.id = id;
    this.#client = client;
    this.#server = server;
    // A side that ends in the ordinary way lets what it sent arrive; one that breaks takes the other with it.
    for (const socket of [client, server]) {
      socket.on('error', () => {
        if (!this.#isHalfOpen) this.reset();
      });
    }
    const cut = () => this.reset();
    this.toServer = new Flow(
      client,
      server,
      () => faultOf(this, 'toServer'),
      (bytes) => onClientData?.(this, bytes),
      cut,
    );
    this.toClient = new Flow(
      server,
      client,
      () => faultOf(this, 'toClient'),
      (bytes) => onServerData?.(this, bytes),
      cut,
    );
    this.closed = this.#end();
  }

  /** The faults have changed. */
  wake(): void {
    this.toServer.wake();
    this.toClient.wake();
  }

  reset(): void {
    resetSocket(this.#client);
    resetSocket(this.#server);
  }

  resetOnly(side: 'client' | 'server'): void {
    this.#isHalfOpen = true;
    resetSocket(side === 'client' ? this.#client : this.#server);
  }

  async #end(): Promise<void> {
    await Promise.all([this.#client, this.#server].map((socket) => untilClosed(socket)));
    this.toServer.close();
    this.toClient.close();
    await Promise.all([this.toServer.done, this.toClient.done]);
  }
}

function untilClosed(socket: Socket): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  socket.once('close', () => resolve());
  return promise;
}

function resetSocket(socket: Socket): void {
  if (socket.connecting) socket.destroy();
  else if (!socket.destroyed) socket.resetAndDestroy();
}
