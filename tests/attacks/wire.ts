import { connect } from 'node:net';

/** An answer as it came. */
export interface WireAnswer {
  /** 400 for a connection that ended without an answer. */
  readonly status: number;
  readonly head: string;
  readonly body: string;
}

const PATIENCE_MS = 10_000;

/** Sends bytes over a connection of their own, and reads until the server ends it. */
export function exchange(origin: string, request: Uint8Array): Promise<WireAnswer> {
  const { hostname, port } = new URL(origin);
  const { promise, resolve, reject } = Promise.withResolvers<WireAnswer>();
  const socket = connect({ host: hostname, port: Number(port) });
  const received: Buffer[] = [];
  socket.setTimeout(PATIENCE_MS, () => {
    socket.destroy();
    reject(new Error(`no end of the answer within ${PATIENCE_MS} ms: ${Buffer.concat(received).toString('latin1')}`));
  });
  socket.on('connect', () => socket.write(request));
  socket.on('data', (bytes: Buffer) => received.push(bytes));
  // A server that refuses at once may reset what is still on its way.
  socket.on('error', () => undefined);
  socket.on('close', () => resolve(parse(Buffer.concat(received).toString('utf8'))));
  return promise;
}

function parse(text: string): WireAnswer {
  const end = text.indexOf('\r\n\r\n');
  const head = end === -1 ? text : text.slice(0, end);
  const status = /^HTTP\/1\.[01] (\d{3})/.exec(head)?.[1];
  return { status: Number(status ?? 400), head: head.toLowerCase(), body: end === -1 ? '' : text.slice(end + 4) };
}
