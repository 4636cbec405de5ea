import { connect } from 'node:net';

/** A request exactly as it goes over the wire: no client tidies up its path or completes its headers. */
export interface RawRequest {
  readonly method?: string;
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** Pieces are sent one after the other; without `content-length` among the headers, each as a chunk. */
  readonly body?: readonly (string | Uint8Array)[];
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
    for (const piece of piecesOf(request, hostname)) socket.write(piece);
  });
  socket.on('data', (bytes: Buffer) => received.push(bytes));
  // A server that refuses a body may close while the client still sends: that is no failure once the answer is here.
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

function* piecesOf(
  { method = 'GET', path, headers = {}, body }: RawRequest,
  host: string,
): Generator<string | Uint8Array> {
  const given = new Headers(headers);
  const isChunked = body !== undefined && !given.has('content-length');
  if (isChunked) given.set('transfer-encoding', 'chunked');
  const lines = [...given].map(([name, value]) => `${name}: ${value}\r\n`);
  yield `${method} ${path} HTTP/1.1\r\nhost: ${host}\r\nconnection: close\r\n${lines.join('')}\r\n`;
  for (const piece of body ?? []) {
    if (isChunked) yield `${Buffer.byteLength(piece).toString(16)}\r\n`;
    yield piece;
    if (isChunked) yield '\r\n';
  }
  if (isChunked) yield '0\r\n\r\n';
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
