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

/** The connection failed, or ended, before a whole answer had come. */
export class IncompleteAnswerError extends Error {
  override readonly name = 'IncompleteAnswerError';
  /** Bytes that had come; with none, the server may never have seen the request. */
  readonly received: number;

  constructor(received: number, cause: Error | undefined) {
    super(`The connection ended after ${received} bytes of an answer`, { cause });
    this.received = received;
  }
}

const PATIENCE_MS = 20_000;

/**
 * Sends one request over a connection of its own and reads until the server closes it.
 *
 * @throws {@link IncompleteAnswerError}
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
    const bytes = Buffer.concat(received);
    const answer = parseAnswer(bytes.toString('utf8'));
    if (answer === undefined) reject(new IncompleteAnswerError(bytes.length, failure));
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
