/**
 * The reason of a warm-up: the service has started, Redis is back or has lost everything, or an operator asked for it.
 */
export type WarmUpReason = 'start' | 'recovery' | 'request';

/** The progress of a warm-up. */
export interface WarmUpCounts {
  /** The number of keys; `null` until it is known. */
  readonly total: number | null;
  /** The keys that are done: the sum of the next three. */
  readonly done: number;
  readonly loaded: number;
  /** Keys that a tier held already. */
  readonly fresh: number;
  readonly failed: number;
}

/** The warm-up under way or, when there is none, the last one, as operators see it. */
export interface WarmUpReport extends WarmUpCounts {
  /**
   * `done`: every key was tried. `aborted`: by an operator, by the end of the service, or because Redis went away.
   * `failed`: the list of keys could not be read.
   */
  readonly state: 'idle' | 'running' | 'done' | 'aborted' | 'failed';
  readonly reason: WarmUpReason | null;
  /** ISO 8601. */
  readonly startedAt: string | null;
  readonly finishedAt: string | null;
  readonly byResource: Readonly<Record<string, WarmUpCounts>>;
}

/** The report before the first warm-up. */
export const NO_WARM_UP: WarmUpReport = {
  state: 'idle',
  reason: null,
  startedAt: null,
  finishedAt: null,
  total: null,
  done: 0,
  loaded: 0,
  fresh: 0,
  failed: 0,
  byResource: {},
};

/** Adds up the progress of several resources. */
export function sumOf(counts: readonly WarmUpCounts[]): WarmUpCounts {
  const sum = (of: (counts: WarmUpCounts) => number): number => counts.reduce((all, each) => all + of(each), 0);
  return {
    total: counts.some(({ total }) => total === null) ? null : sum(({ total }) => total ?? 0),
    done: sum(({ done }) => done),
    loaded: sum(({ loaded }) => loaded),
    fresh: sum(({ fresh }) => fresh),
    failed: sum(({ failed }) => failed),
  };
}
