import { once } from 'node:events';
import { createServer, type Server, type Socket } from 'node:net';
import { freePort } from './free-port.ts';
import { Connection, type Observers, type ProxyConnection } from './proxy-connection.ts';
import type { Direction, Fault, ImposedFault } from './proxy-fault.ts';

export type { ProxyConnection } from './proxy-connection.ts';

export interface ProxyOptions extends Observers {
  /** The server behind it: its URL, or its host and port. When it cannot be reached, clients see a reset. */
  readonly target: string | { readonly host: string; readonly port: number };
}

/** Which connections, and which way. By default all of them, also those to come, and both ways. */
export interface Selection {
  readonly direction?: Direction;
  readonly where?: (connection: ProxyConnection) => boolean;
}

/** A TCP proxy in front of a real server, which can do to its clients what networks do. */
export interface TcpProxy extends AsyncDisposable {
  readonly host: string;
  readonly port: number;
  /** The URL with this proxy's host and port in place of its own. */
  through(url: string): string;
  /** The connections open now, oldest first. */
  readonly connections: readonly ProxyConnection[];
  /** How many have been accepted so far. */
  readonly accepted: number;
  /** Puts a fault in force until it is lifted. */
  impose(fault: Fault, selection?: Selection): ImposedFault;
  /** Lifts all faults and accepts connections. */
  heal(): Promise<void>;
  /** From now on the address leads to another server; the connections open now are reset. */
  retarget(target: ProxyOptions['target']): void;
  /** RST to both sides of the connections selected. */
  resetConnections(where?: (connection: ProxyConnection) => boolean): void;
  /** New connections are refused (ECONNREFUSED); those that exist stay. */
  refuse(): void;
  /** New connections are accepted again. */
  accept(): Promise<void>;
  /** Ends everything. Doing it again does nothing. */
  close(): Promise<void>;
}

/** Starts a proxy on a free port. */
export async function startProxy(options: ProxyOptions): Promise<TcpProxy> {
  let target = addressOf(options.target);
  const port = await freePort();
  const connections = new Set<Connection>();
  const imposed = new Set<{ readonly fault: Fault; readonly selection: Selection }>();
  let accepted = 0;
  let listener: Server | undefined;

  const wakeAll = () => {
    for (const connection of connections) connection.wake();
  };
  const faultOf = (connection: ProxyConnection, direction: Direction): Fault => {
    const selected = [...imposed].filter(
      ({ selection }) => (selection.direction ?? direction) === direction && (selection.where?.(connection) ?? true),
    );
    return Object.assign({}, ...selected.map(({ fault }) => fault));
  };
  const serve = async (client: Socket) => {
    const connection = new Connection(++accepted, client, target, faultOf, options);
    connections.add(connection);
    await connection.closed;
    connections.delete(connection);
  };

  const proxy: TcpProxy = {
    host: '127.0.0.1',
    port,
    through(url) {
      const changed = new URL(url);
      changed.host = `127.0.0.1:${port}`;
      return changed.href;
    },
    get connections() {
      return [...connections];
    },
    get accepted() {
      return accepted;
    },
    impose(fault, selection = {}) {
      const entry = { fault, selection };
      imposed.add(entry);
      wakeAll();
      return {
        lift() {
          imposed.delete(entry);
          wakeAll();
        },
      };
    },
    async heal() {
      imposed.clear();
      wakeAll();
      await proxy.accept();
    },
    resetConnections(where = () => true) {
      for (const connection of proxy.connections) if (where(connection)) connection.reset();
    },
    retarget(given) {
      target = addressOf(given);
      proxy.resetConnections();
    },
    refuse() {
      listener?.close();
      listener = undefined;
    },
    async accept() {
      if (listener) return;
      listener = createServer({ allowHalfOpen: true, noDelay: true }, serve);
      listener.listen(port, '127.0.0.1');
      await once(listener, 'listening');
    },
    async close() {
      proxy.refuse();
      proxy.resetConnections();
      await Promise.all([...connections].map(({ closed }) => closed));
    },
    [Symbol.asyncDispose]: () => proxy.close(),
  };
  await proxy.accept();
  return proxy;
}

function addressOf(target: ProxyOptions['target']): { readonly host: string; readonly port: number } {
  if (typeof target !== 'string') return target;
  const { hostname, port } = new URL(target);
  return { host: hostname, port: Number(port) };
}
