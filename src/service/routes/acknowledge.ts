import { InvalidationPendingError } from '../../core/model/errors.ts';

/** The outcome of an invalidation. */
export interface Acknowledged<T> {
  /** The result; `undefined` while the invalidation is pending. */
  readonly result: T | undefined;
  /** True when the invalidation did not reach Redis. The cache queues it and retries it until Redis acknowledges it. */
  readonly pending: boolean;
  /** The answer's headers. They report a pending invalidation and are empty otherwise. */
  readonly headers: Headers;
}

/** Waits until Redis has acknowledged an invalidation, or the cache has queued it for later. */
export async function acknowledge<T>(invalidation: Promise<T>): Promise<Acknowledged<T>> {
  try {
    return { result: await invalidation, pending: false, headers: new Headers() };
  } catch (error) {
    if (!(error instanceof InvalidationPendingError)) throw error;
    const headers = new Headers({ 'cache-status': 'tiercel-l2; fwd=method; detail=invalidation-pending' });
    return { result: undefined, pending: true, headers };
  }
}
