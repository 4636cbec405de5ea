/** A query of postgres.js that has not been awaited yet. */
export interface CancellableQuery<T> extends Promise<T> {
  /** Tells a query from any other promise. {@link cancellable} does not call it. */
  cancel(): void;
}

/**
 * Members of a postgres.js 3.4 query that its types do not show. The public `cancel()` cannot be used, for three
 * reasons:
 * - On a query that is not running yet it blocks the connection, or gives its rows to the next query in the pipeline.
 * - Nothing public tells if a query is running.
 * - It drops the promise of its request. A server that cannot be reached then ends the process with an unhandled
 *   rejection.
 */
interface QueryInternals extends CancellableQuery<unknown> {
  /** True while the server works on this query. */
  readonly active?: boolean;
  /** Asks the server, over a connection of its own, to cancel the present work of the query's connection. */
  readonly canceller?: ((query: unknown) => Promise<void>) | null;
}

/** Time between two looks at an abandoned query that has not begun. Milliseconds. */
const LOOK_EVERY_MS = 20;
/** The longest time between two requests to cancel the same query. Milliseconds. */
const LONGEST_WAIT_MS = 1_000;

/**
 * Awaits a query, and cancels it on the server when `signal` aborts. A load that no caller waits for any more then
 * stops costing the database.
 *
 * The promise rejects with the signal's reason at once and does not wait for the server. An abandoned query that waits
 * for a connection is cancelled as soon as it begins. A query that the server will not cancel runs to its
 * `statement_timeout`.
 *
 * Postgres cancels the work that the connection does when the request arrives. If the query ends by itself in that
 * moment, the request hits the next query of its connection, which then rejects with code `57014`.
 *
 * @param query A query that has not been awaited. It never starts if `signal` is aborted already.
 * @param signal The signal of the loader, in most cases. With `undefined` the function only awaits the query.
 * @returns the rows of the query.
 * @throws the signal's reason once it aborts, else the error of the query.
 * @example
 * ```ts
 * import postgres from 'postgres';
 * import { createCache } from 'tiercel';
 * import { lru } from 'tiercel/lru';
 * import { cancellable } from 'tiercel/postgres';
 *
 * const sql = postgres('postgres://127.0.0.1/shop');
 * const cache = createCache({ name: 'shop', l1: lru() });
 *
 * const product = await cache.getOrSet('product:7', async ({ signal }) => {
 *   const [row] = await cancellable(sql`select id, name, price from products where id = ${7}`, signal);
 *   return row ?? null;
 * });
 * ```
 */
export function cancellable<T>(query: CancellableQuery<T>, signal: AbortSignal | undefined): Promise<T> {
  if (signal === undefined) return Promise.resolve(query);
  if (signal.aborted) return Promise.reject(signal.reason);
  return new Promise((resolve, reject) => {
    let settled = false;
    const abandon = () => {
      reject(signal.reason);
      cancelUntil(() => settled, query);
    };
    const settle = () => {
      settled = true;
      signal.removeEventListener('abort', abandon);
    };
    signal.addEventListener('abort', abandon, ONCE);
    // Every load runs through here, so the chain has one promise and no more.
    query.then(
      (value) => {
        settle();
        resolve(value);
      },
      (error) => {
        settle();
        reject(error);
      },
    );
  });
}

const ONCE = { once: true };

/** Asks the server repeatedly, since a request can overtake its query, or fail to reach the server. Never rejects. */
async function cancelUntil(settled: () => boolean, query: QueryInternals): Promise<void> {
  let wait = LOOK_EVERY_MS;
  while (!settled()) {
    if (query.active === true && typeof query.canceller === 'function') {
      await query.canceller(query).catch(ignore);
      wait = Math.min(wait * 2, LONGEST_WAIT_MS);
    }
    await new Promise((resume) => setTimeout(resume, wait));
  }
}

function ignore(): void {}
