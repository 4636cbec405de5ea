/** Why the cache is warmed: the service has started, Redis is back or has lost everything, somebody asked for it. */
export type WarmUpReason = 'start' | 'recovery' | 'request';

/** How far keys are dealt with. */
export interface WarmUpCounts {
  /** Keys to deal with; `null` until that is known. */
  readonly total: number | null;
  /** Those dealt with: the sum of the next three. */
  readonly done: number;
  readonly loaded: number;
  /** Found in a tier. */
  readonly fresh: number;
  readonly failed: number;
}

/** The warm-up under way or, when there is none, the last one, as operators see it. */
export interface WarmUpReport extends WarmUpCounts {
  /**
   * `done`: every key was dealt with. `aborted`: by an operator, by the end of the service, or because Redis went away.
   * `failed`: it could not be found out what to warm.
   */
  readonly state: 'idle' | 'running' | 'done' | 'aborted' | 'failed';
  readonly reason: WarmUpReason | null;
  /** ISO 8601. */
  readonly startedAt: string | null;
  readonly finishedAt: string | null;
  readonly byResource: Readonly<Record<string, WarmUpCounts>>;
}

/** Before the first one. */
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

/** What several resources come to together. */
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
