/** A query of postgres.js that has not been awaited yet. */
export interface CancellableQuery<T> extends Promise<T> {
  /** Not called; it tells a query from any other promise. */
  cancel(): void;
}

/**
 * What a query of postgres.js 3.4 shows of itself beyond its types. The public `cancel()` will not do. Of a query that is
 * not running yet it blocks the connection, or gives its rows to the next query in the pipeline, and nothing public tells
 * whether a query is running. It also drops the promise of its request, so that a server which cannot be reached then ends
 * the process with an unhandled rejection.
 */
interface QueryInternals extends CancellableQuery<unknown> {
  /** Whether the server is working on this query at this moment. */
  readonly active?: boolean;
  /** Asks the server, over a connection of its own, to cancel what the query's connection is doing. */
  readonly canceller?: ((query: unknown) => Promise<void>) | null;
}

/** How often to look whether an abandoned query has begun, in milliseconds. */
const LOOK_EVERY_MS = 20;
/** The longest time between two requests to cancel the same query, in milliseconds. */
const LONGEST_WAIT_MS = 1_000;

/**
 * Awaits a query and cancels it on the server when `signal` aborts, so that a load that nobody waits for any more stops
 * costing the database.
 *
 * The caller is free at once: the promise rejects with the signal's reason and does not wait for the server. An abandoned
 * query that still waits for a connection is cancelled as soon as it begins; one that the server will not cancel runs to
 * its `statement_timeout`.
 *
 * Postgres cancels whatever the connection is doing when the request arrives. A query that ends by itself in that very
 * moment leaves the request to the next one on its connection, which then rejects with code `57014`.
 *
 * @param query Not awaited yet, and never started when `signal` is aborted already.
 * @param signal Usually the loader's own. `undefined` simply awaits the query.
 * @returns what the query gives.
 * @throws the signal's reason once it aborts, else what the query throws.
 * @example
 * ```ts
 * const product = await cache.getOrSet(`product:${id}`, async ({ signal }) => {
 *   const [row] = await cancellable(sql`select id, name, price from products where id = ${id}`, signal);
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
    // One link of promises, and no more: this is on the way of every load.
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

/** Asks again and again: a request can overtake the query it is about, or find the server out of reach. Never rejects. */
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
