import { connect, type Socket } from 'node:net';

/** An answer, as far as a load generator looks at it. */
export interface KeepAliveAnswer {
  readonly status: number;
  readonly headers: Headers;
  readonly body: string;
}

/** What is sent, and what of it has been answered. */
interface Asked {
  readonly resolve: (answer: KeepAliveAnswer) => void;
  readonly reject: (error: Error) => void;
}

const HEAD_END = '\r\n\r\n';

/**
 * One client of a service: one connection that is kept, one request at a time. `fetch` would share connections among all
 * clients of this process, and keep most of a thousand of them waiting.
 */
export class KeepAliveClient {
  readonly #host: string;
  readonly #port: number;
  #socket: Socket | undefined;
  #asked: Asked | undefined;
  #received = '';

  /** @param origin Of the service: `http://host:port`. */
  constructor(origin: string) {
    const { hostname, port } = new URL(origin);
    this.#host = hostname;
    this.#port = Number(port);
  }

  /**
   * Asks for a path, and waits for the whole answer.
   * @throws Error when the connection fails or ends before that.
   */
  get(path: string, headers: Readonly<Record<string, string>> = {}): Promise<KeepAliveAnswer> {
    const { promise, resolve, reject } = Promise.withResolvers<KeepAliveAnswer>();
    this.#asked = { resolve, reject };
    this.#received = '';
    const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
    this.#socket ??= this.#connect();
    this.#socket.write(`GET ${path} HTTP/1.1\r\nhost: ${this.#host}\r\n${lines.join('')}\r\n`);
    return promise;
  }

  /** Whether some of an answer has come. */
  get hasBegun(): boolean {
    return this.#received !== '';
  }

  close(): void {
    this.#socket?.destroy();
  }

  #connect(): Socket {
    const socket = connect({ host: this.#host, port: this.#port, noDelay: true });
    let failure: Error | undefined;
    // The catalog is all ASCII, so characters are bytes.
    socket.setEncoding('latin1');
    socket.on('data', (text) => this.#take(String(text)));
    socket.on('error', (error) => {
      failure = error;
    });
    socket.on('close', () => {
      this.#socket = undefined;
      this.#settle()?.reject(failure ?? new Error('The connection was closed'));
    });
    return socket;
  }

  #take(text: string): void {
    this.#received += text;
    const end = this.#received.indexOf(HEAD_END);
    if (end === -1) return;
    const [statusLine = '', ...lines] = this.#received.slice(0, end).split('\r\n');
    const headers = new Headers();
    for (const line of lines) {
      const colon = line.indexOf(':');
      headers.append(line.slice(0, colon), line.slice(colon + 1).trim());
    }
    const body = this.#received.slice(end + HEAD_END.length);
    if (body.length < Number(headers.get('content-length') ?? 0)) return;
    this.#settle()?.resolve({ status: Number(statusLine.split(' ')[1]), headers, body });
  }

  #settle(): Asked | undefined {
    const asked = this.#asked;
    this.#asked = undefined;
    return asked;
  }
}
