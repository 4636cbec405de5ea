/** The statuses with which the service refuses a request, and their names. */
const TITLES = {
  400: 'Bad Request',
  401: 'Unauthorized',
  403: 'Forbidden',
  404: 'Not Found',
  405: 'Method Not Allowed',
  409: 'Conflict',
  413: 'Content Too Large',
  415: 'Unsupported Media Type',
  421: 'Misdirected Request',
  429: 'Too Many Requests',
  500: 'Internal Server Error',
  503: 'Service Unavailable',
} as const;

export type ProblemStatus = keyof typeof TITLES;

/** An error that any code may throw while it handles a request. The app answers it as problem details (RFC 9457). */
export class Problem extends Error {
  override readonly name = 'Problem';
  readonly status: ProblemStatus;
  readonly headers: Readonly<Record<string, string>>;

  /**
   * @param detail A text for the client: never a stack, a statement or a secret.
   * @param headers Headers beside the content type: `Allow`, `Retry-After`, …
   */
  constructor(status: ProblemStatus, detail: string, headers: Readonly<Record<string, string>> = {}) {
    super(detail);
    this.status = status;
    this.headers = headers;
  }
}

/** Returns the 404 for a row that does not exist or belongs to another org. The answer must not tell which, so it is the same. */
export function absent(headers?: Readonly<Record<string, string>>): Problem {
  return new Problem(404, 'There is no such thing in this org', headers);
}

/** An answer repeats at most this many characters of the path. */
const MAX_INSTANCE = 1_000;

/** Returns the answer for a problem. `instance` is the request's path. */
export function problemResponse(problem: Problem, request: Request): Response {
  const { status, message: detail, headers } = problem;
  const instance = pathOf(request.url).slice(0, MAX_INSTANCE);
  const body = { type: 'about:blank', title: TITLES[status], status, detail, instance };
  return new Response(JSON.stringify(body), {
    status,
    headers: { 'cache-control': 'no-store', ...headers, 'content-type': 'application/problem+json' },
  });
}

/** Returns the path of a URL, without its query. For a request without a proper `Host`, Bun gives the path alone as the URL. */
export function pathOf(url: string): string {
  const start = url.startsWith('/') ? 0 : url.indexOf('/', url.indexOf('://') + 3);
  if (start === -1) return '/';
  const end = url.indexOf('?', start);
  return end === -1 ? url.slice(start) : url.slice(start, end);
}
