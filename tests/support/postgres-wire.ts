import type { Observers, ProxyConnection } from './proxy-connection.ts';

/** What may be looked for on the way to and from PostgreSQL. Each is told before the bytes that show it go on. */
export interface PostgresSights {
  /** A statement is done: its command tag, e.g. `COMMIT` or `UPDATE 1`. */
  readonly onDone?: (connection: ProxyConnection, tag: string) => void;
  /** What a client sends, as text: statements that are prepared already show their parameters alone. */
  readonly onSent?: (connection: ProxyConnection, text: string) => void;
}

/** Watches the clients of a proxy in front of PostgreSQL: `startProxy({ target, ...wire.observers })`. */
export interface PostgresWire {
  /** They label each connection with the `application_name` under which it was opened. */
  readonly observers: Observers;
  /** The process id of the server's end of a connection, as `pg_stat_activity` has it; `undefined` while it opens. */
  backend(connection: ProxyConnection): number | undefined;
}

const DONE = 'C'.charCodeAt(0);
const KEY_DATA = 'K'.charCodeAt(0);
/** A message's type, and its length without that. */
const HEAD_BYTES = 5;

/** Starts with nothing seen. */
export function postgresWire({ onDone, onSent }: PostgresSights = {}): PostgresWire {
  const rests = new WeakMap<ProxyConnection, Buffer>();
  const backends = new WeakMap<ProxyConnection, number>();
  return {
    observers: {
      onClientData(connection, bytes) {
        const text = Buffer.from(bytes).toString('latin1');
        if (connection.label === '') connection.label = /\0application_name\0([^\0]*)/.exec(text)?.[1] ?? '';
        onSent?.(connection, text);
      },
      onServerData(connection, bytes) {
        const { messages, rest } = messagesIn(Buffer.concat([rests.get(connection) ?? Buffer.alloc(0), bytes]));
        rests.set(connection, rest);
        for (const message of messages) {
          if (message[0] === KEY_DATA) backends.set(connection, message.readUInt32BE(HEAD_BYTES));
          if (message[0] === DONE) onDone?.(connection, message.toString('latin1', HEAD_BYTES, message.length - 1));
        }
      },
    },
    backend: (connection) => backends.get(connection),
  };
}

/** Takes apart what a server sends, however it is cut into chunks. */
function messagesIn(bytes: Buffer): { readonly messages: readonly Buffer[]; readonly rest: Buffer } {
  const messages: Buffer[] = [];
  let at = 0;
  while (bytes.length - at >= HEAD_BYTES) {
    const end = at + 1 + bytes.readUInt32BE(at + 1);
    if (end > bytes.length) break;
    messages.push(bytes.subarray(at, end));
    at = end;
  }
  return { messages, rest: Buffer.from(bytes.subarray(at)) };
}
