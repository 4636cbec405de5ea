import { ALERT_THRESHOLDS } from './thresholds.ts';

/** `suspect`: bad, and not for long enough. `calming`: up, and not well for long enough. Times are of the monotonic clock. */
type TrackState =
  | { readonly kind: 'quiet' }
  | { readonly kind: 'suspect'; readonly since: number }
  | { readonly kind: 'firing'; readonly since: number }
  | { readonly kind: 'calming'; readonly since: number; readonly wellSince: number };

/** What {@link AlertTrack.judge} has brought about. */
export type Change =
  | { readonly state: 'firing'; readonly since: number }
  /** `until`: since when it has been well. */
  | { readonly state: 'resolved'; readonly since: number; readonly until: number };

const { withinMs: FLAPPING_MS, mostCalmMs: MOST_CALM_MS } = ALERT_THRESHOLDS.flapping;

/** Turns a condition that comes and goes into an alert that goes up once and comes down once. */
export class AlertTrack {
  readonly #holdMs: number;
  readonly #leastCalmMs: number;
  #calmMs: number;
  #state: TrackState = { kind: 'quiet' };
  #resolvedAt = Number.NEGATIVE_INFINITY;

  /**
   * @param holdMs How long it must be bad to go up; 0 for at once.
   * @param calmMs How long it must be well to come down; doubled for one that keeps going up again.
   */
  constructor(holdMs: number, calmMs: number) {
    this.#holdMs = holdMs;
    this.#leastCalmMs = calmMs;
    this.#calmMs = calmMs;
  }

  /** Since when it has been bad, if the alert is up. */
  get firingSince(): number | undefined {
    const state = this.#state;
    return state.kind === 'firing' || state.kind === 'calming' ? state.since : undefined;
  }

  /** Whether neither the alert is up nor its condition bad. */
  get isQuiet(): boolean {
    return this.#state.kind === 'quiet';
  }

  /** When the time of a state is over; `Infinity` for one that only news can end. */
  get dueAt(): number {
    const state = this.#state;
    if (state.kind === 'suspect') return state.since + this.#holdMs;
    return state.kind === 'calming' ? state.wellSince + this.#calmMs : Infinity;
  }

  /** @param isBad `undefined`: it cannot be judged now. An alert that is up stays so, any other state ends. */
  judge(isBad: boolean | undefined, now: number): Change | undefined {
    const state = this.#state;
    switch (state.kind) {
      case 'quiet':
        if (!isBad) return undefined;
        this.#state = { kind: 'suspect', since: now };
        return this.#fireIfDue(now, now);
      case 'suspect':
        if (isBad) return this.#fireIfDue(state.since, now);
        this.#state = { kind: 'quiet' };
        return undefined;
      case 'firing':
        if (isBad === false) this.#state = { kind: 'calming', since: state.since, wellSince: now };
        return undefined;
      case 'calming':
        if (isBad === false) return this.#resolveIfDue(state.since, state.wellSince, now);
        this.#state = { kind: 'firing', since: state.since };
        return undefined;
    }
  }

  #fireIfDue(since: number, now: number): Change | undefined {
    if (now - since < this.#holdMs) return undefined;
    const isFlapping = since - this.#resolvedAt < FLAPPING_MS;
    this.#calmMs = isFlapping ? Math.min(this.#calmMs * 2, MOST_CALM_MS) : this.#leastCalmMs;
    this.#state = { kind: 'firing', since };
    return { state: 'firing', since };
  }

  #resolveIfDue(since: number, until: number, now: number): Change | undefined {
    if (now - until < this.#calmMs) return undefined;
    this.#resolvedAt = now;
    this.#state = { kind: 'quiet' };
    return { state: 'resolved', since, until };
  }
}
