import type { Clock } from './clock.ts';
import { type Duration, toMs } from './duration.ts';
import { LoadTimeoutError } from './errors.ts';
import { assertTags, type Loader, type LoaderContext } from './options.ts';

/** What a loader brought, and what it said about it. */
export interface Loaded {
  readonly value: unknown;
  /** From `setTtl`. */
  readonly ttlMs: number | undefined;
  /** From `setTags`, as the user wrote them. */
  readonly tags: readonly string[];
  /** From `skip`. */
  readonly skipped: boolean;
  /** When the loader was called: the value is at least as new as this. */
  readonly beganAt: number;
  readonly endedAt: number;
}

export interface LoadRequest {
  readonly key: string;
  readonly stale: unknown;
  readonly hardTimeoutMs: number;
  /** Aborted when nobody waits for the load any more. */
  readonly signal: AbortSignal;
}

/**
 * Calls a loader once, under `hardTimeout`. It settles as soon as the time is over or the signal is aborted, even if
 * the loader does not listen: a hung loader holds no flight and no lease.
 * @throws {@link LoadTimeoutError} at the hard timeout; else whatever the loader throws, untouched.
 */
export function runLoader(clock: Clock, loader: Loader<unknown>, request: LoadRequest): Promise<Loaded> {
  const { key, stale, hardTimeoutMs, signal } = request;
  const abort = new AbortController();
  const beganAt = clock.now();
  let ttlMs: number | undefined;
  let skipped = false;
  const tags = new Set<string>();
  const context: LoaderContext = {
    key,
    signal: abort.signal,
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
  };
  return new Promise<Loaded>((resolve, reject) => {
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
    const cancel =
      hardTimeoutMs === Infinity
        ? () => {}
        : clock.after(hardTimeoutMs, () => stop(new LoadTimeoutError(key, hardTimeoutMs)));
    if (signal.aborted) return leave();
    signal.addEventListener('abort', leave, { once: true });
    // `new Promise` turns a loader that throws at once into a rejection.
    new Promise<unknown>((begin) => begin(loader(context))).then(
      (value) => give(() => resolve({ value, ttlMs, tags: [...tags], skipped, beganAt, endedAt: clock.now() })),
      (error: unknown) => give(() => reject(error)),
    );
  });
}
