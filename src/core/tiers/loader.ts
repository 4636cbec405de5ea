import { type Duration, toMs } from '../model/duration.ts';
import { LoadTimeoutError } from '../model/errors.ts';
import { assertTags, type Loader, type LoaderContext } from '../model/options.ts';
import type { Clock } from '../primitives/clock.ts';

/** The value of a loader, with what the loader said about it. */
export interface Loaded {
  readonly value: unknown;
  /** From `setTtl`, in milliseconds. */
  readonly ttlMs: number | undefined;
  /** From `setTags`, as the user wrote them. */
  readonly tags: readonly string[];
  /** From `skip`. */
  readonly skipped: boolean;
  /** The moment of the loader's call. The value is at least as new as this. */
  readonly beganAt: number;
  readonly endedAt: number;
}

/** The time that the callers of a load grant it. */
export interface LoadPatience {
  /** The largest `hardTimeout` of the callers who have joined, in milliseconds. It may grow while the load runs. */
  readonly hardTimeoutMs: number;
  /** Called when the load is aborted because this time, counted from its start, is over. */
  timedOut(error: LoadTimeoutError): void;
}

export interface LoadRequest {
  readonly key: string;
  readonly stale: unknown;
  readonly patience: LoadPatience;
  /** Aborted when the last caller has left. */
  readonly signal: AbortSignal;
}

/** The value of a loader, with the times of its call. */
export interface Called<T> extends Pick<Loaded, 'beganAt' | 'endedAt'> {
  readonly value: T;
}

/**
 * Calls a loader once, and aborts it when the largest `hardTimeout` of its callers is over. The promise settles as soon
 * as the time is over or the signal is aborted, even when the loader ignores that. A hung loader therefore holds no
 * flight and no lease.
 * @param load Receives a signal that is aborted then.
 * @throws {@link LoadTimeoutError} at the hard timeout; otherwise the loader's own error, unchanged.
 */
export function callLoader<T>(
  clock: Clock,
  { key, patience, signal }: Omit<LoadRequest, 'stale'>,
  load: (signal: AbortSignal) => T | Promise<T>,
): Promise<Called<T>> {
  const abort = new AbortController();
  const beganAt = clock.now();
  return new Promise<Called<T>>((resolve, reject) => {
    const give = (end: () => void): void => {
      cancel();
      signal.removeEventListener('abort', leave);
      end();
    };
    const stop = (error: unknown): void => {
      give(() => reject(error));
      abort.abort(error);
    };
    const leave = (): void => stop(signal.reason);
    let cancel = (): void => {};
    // A caller with more time may have joined while the timer ran.
    const watch = (): void => {
      const { hardTimeoutMs } = patience;
      if (hardTimeoutMs === Infinity) return;
      const leftMs = beganAt + hardTimeoutMs - clock.now();
      if (leftMs > 0) {
        cancel = clock.after(leftMs, watch);
        return;
      }
      const error = new LoadTimeoutError(key, hardTimeoutMs);
      patience.timedOut(error);
      stop(error);
    };
    watch();
    if (signal.aborted) return leave();
    signal.addEventListener('abort', leave, { once: true });
    // `new Promise` turns a loader that throws synchronously into a rejection.
    new Promise<T>((begin) => begin(load(abort.signal))).then(
      (value) => give(() => resolve({ value, beganAt, endedAt: clock.now() })),
      (error: unknown) => give(() => reject(error)),
    );
  });
}

/** Calls the loader of one key; see {@link callLoader}. */
export async function runLoader(clock: Clock, loader: Loader<unknown>, request: LoadRequest): Promise<Loaded> {
  const { key, stale } = request;
  let ttlMs: number | undefined;
  let skipped = false;
  const tags = new Set<string>();
  const contextOf = (signal: AbortSignal): LoaderContext => ({
    key,
    signal,
    stale,
    setTtl: (ttl: Duration) => {
      ttlMs = toMs(ttl, 'setTtl');
    },
    setTags: (more) => {
      assertTags(more);
      for (const tag of more) tags.add(tag);
    },
    skip: () => {
      skipped = true;
    },
  });
  const { value, beganAt, endedAt } = await callLoader(clock, request, (loading) => loader(contextOf(loading)));
  return { value, ttlMs, tags: [...tags], skipped, beganAt, endedAt };
}
