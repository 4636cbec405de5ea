import { connect } from 'node:net';

/** A request exactly as it goes over the wire: no client tidies up its path or completes its headers. */
export interface RawRequest {
  readonly method?: string;
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** `content-length` is the caller's to say. */
  readonly body?: string | Uint8Array;
}

/** The answer to a {@link RawRequest}. */
export interface RawAnswer {
  readonly status: number;
  readonly headers: Headers;
  readonly body: string;
}

const PATIENCE_MS = 20_000;

/**
 * Sends one request over a connection of its own and reads until the server closes it.
 *
 * @throws Error when the connection fails before a whole answer has come.
 */
export function rawRequest(origin: string, request: RawRequest): Promise<RawAnswer> {
  const { hostname, port } = new URL(origin);
  const { promise, resolve, reject } = Promise.withResolvers<RawAnswer>();
  const socket = connect({ host: hostname, port: Number(port) });
  const received: Buffer[] = [];
  let failure: Error | undefined;
  socket.setTimeout(PATIENCE_MS, () => socket.destroy(new Error(`no answer within ${PATIENCE_MS} ms`)));
  socket.on('connect', () => {
    socket.write(headOf(request, hostname));
    if (request.body !== undefined) socket.write(request.body);
  });
  socket.on('data', (bytes: Buffer) => received.push(bytes));
  socket.on('error', (error) => {
    failure = error;
  });
  socket.on('close', () => {
    const answer = parseAnswer(Buffer.concat(received).toString('utf8'));
    if (answer === undefined) reject(failure ?? new Error('the connection ended before the answer did'));
    else resolve(answer);
  });
  return promise;
}

function headOf({ method = 'GET', path, headers = {} }: RawRequest, host: string): string {
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
  return `${method} ${path} HTTP/1.1\r\nhost: ${host}\r\nconnection: close\r\n${lines.join('')}\r\n`;
}

/** `undefined` unless the answer is whole by its own account. */
function parseAnswer(text: string): RawAnswer | undefined {
  const end = text.indexOf('\r\n\r\n');
  if (end === -1) return undefined;
  const [statusLine = '', ...lines] = text.slice(0, end).split('\r\n');
  const headers = new Headers();
  for (const line of lines) {
    const colon = line.indexOf(':');
    headers.append(line.slice(0, colon), line.slice(colon + 1).trim());
  }
  const body = text.slice(end + 4);
  const length = headers.get('content-length');
  if (length !== null && Buffer.byteLength(body) < Number(length)) return undefined;
  return { status: Number(statusLine.split(' ')[1]), headers, body };
}
