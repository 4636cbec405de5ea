import { InvalidationPendingError } from '../../core/model/errors.ts';

/** What came of an invalidation. */
export interface Acknowledged<T> {
  /** `undefined` while it is pending. */
  readonly result: T | undefined;
  /** Redis could not be told yet. The cache keeps the order and repeats it, so what was asked for stands. */
  readonly pending: boolean;
  /** The answer's headers: they say so while it is pending, and nothing otherwise. */
  readonly headers: Headers;
}

/** Waits for an invalidation: until Redis has acknowledged it, or the cache has kept it for later. */
export async function acknowledge<T>(invalidation: Promise<T>): Promise<Acknowledged<T>> {
  try {
    return { result: await invalidation, pending: false, headers: new Headers() };
  } catch (error) {
    if (!(error instanceof InvalidationPendingError)) throw error;
    const headers = new Headers({ 'cache-status': 'tiercel-l2; fwd=method; detail=invalidation-pending' });
    return { result: undefined, pending: true, headers };
  }
}
