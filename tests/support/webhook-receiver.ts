import type { Notice } from '../../src/service/alerts/alert.ts';

/** How a receiver answers one request. */
export type Answering = (request: Request) => Response | Promise<Response>;

/** Somebody who is told of alerts. */
export interface Receiver extends AsyncDisposable {
  /** With a path that only the service should know. */
  readonly url: string;
  readonly notices: readonly Notice[];
  readonly requests: readonly Request[];
  /** What the next requests are answered with; after them, all with 200. */
  readonly answers: Answering[];
}

/** Part of {@link Receiver.url}: where it turns up, somebody has told. */
export const SECRET_PATH = '/services/T000/a-secret-of-the-receiver';

/** Starts a receiver on a free port, or on the one given. */
export function startReceiver(port = 0): Receiver {
  const notices: Notice[] = [];
  const requests: Request[] = [];
  const answers: Answering[] = [];
  const server = Bun.serve({
    hostname: '127.0.0.1',
    port,
    // Longer than anybody waits.
    idleTimeout: 60,
    async fetch(request) {
      requests.push(request);
      notices.push((await request.json()) as Notice);
      return (await answers.shift()?.(request)) ?? new Response('ok');
    },
  });
  return {
    url: `http://127.0.0.1:${server.port}${SECRET_PATH}`,
    notices,
    requests,
    answers,
    [Symbol.asyncDispose]: () => server.stop(true),
  };
}
