import type { Socket } from 'bun';

/** What a client of a crowd looks at of an answer. */
export interface CrowdAnswer {
  readonly status: number;
  readonly tier: string | undefined;
}

const HEAD_END = '\r\n\r\n';

/**
 * A connection that one client keeps, with one request at a time. `fetch` shares its connections among all clients of the
 * process, and has most of a thousand of them wait for one.
 */
export class Connection {
  #socket: Socket | undefined;
  #received = '';
  #failure: Error | undefined;
  #asked: { readonly resolve: (answer: CrowdAnswer) => void; readonly reject: (error: Error) => void } | undefined;

  /** Connects to the service of this URL. */
  static async open(origin: string): Promise<Connection> {
    const { hostname, port } = new URL(origin);
    const connection = new Connection();
    connection.#socket = await Bun.connect({
      hostname,
      port: Number(port),
      socket: {
        data: (_, bytes) => connection.#take(bytes.toString('latin1')),
        error: (_, error) => connection.#fail(error),
        close: () => connection.#fail(new Error('The connection was closed')),
      },
    });
    return connection;
  }

  /**
   * Sends a request as it goes over the wire, and waits for the whole answer.
   * @throws Error when the connection ends before that.
   */
  send(request: string): Promise<CrowdAnswer> {
    if (this.#failure !== undefined) return Promise.reject(this.#failure);
    const { promise, resolve, reject } = Promise.withResolvers<CrowdAnswer>();
    this.#asked = { resolve, reject };
    this.#received = '';
    this.#socket?.write(request);
    return promise;
  }

  close(): void {
    this.#socket?.end();
  }

  #take(text: string): void {
    this.#received += text;
    const end = this.#received.indexOf(HEAD_END);
    if (end === -1) return;
    const head = this.#received.slice(0, end);
    const length = Number(head.match(/^content-length: (\d+)/im)?.[1] ?? 0);
    if (this.#received.length < end + HEAD_END.length + length) return;
    const status = Number(head.split(' ', 2)[1]);
    this.#settle()?.resolve({ status, tier: head.match(/^x-cache-tier: (\w+)/im)?.[1] });
  }

  #fail(error: Error): void {
    this.#failure ??= error;
    this.#settle()?.reject(error);
  }

  #settle() {
    const asked = this.#asked;
    this.#asked = undefined;
    return asked;
  }
}
