import { ALERT_THRESHOLDS } from './thresholds.ts';

/**
 * The state of an alert. `suspect`: bad, but not for long enough. `calming`: up, but not well for long enough. Times
 * are of the monotonic clock.
 */
type TrackState =
  | { readonly kind: 'quiet' }
  | { readonly kind: 'suspect'; readonly since: number }
  | { readonly kind: 'firing'; readonly since: number }
  | { readonly kind: 'calming'; readonly since: number; readonly wellSince: number };

/** A change of state that {@link AlertTrack.judge} has made. */
export type Change =
  | { readonly state: 'firing'; readonly since: number }
  /** `until` is the moment since when the condition has been well. */
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
   * @param holdMs The condition must be bad for this long to raise the alert; 0 raises it at once.
   * @param calmMs The condition must be well for this long to end the alert. An alert that keeps going up again
   *   doubles it.
   */
  constructor(holdMs: number, calmMs: number) {
    this.#holdMs = holdMs;
    this.#leastCalmMs = calmMs;
    this.#calmMs = calmMs;
  }

  /** The moment since when the condition has been bad, if the alert is up. */
  get firingSince(): number | undefined {
    const state = this.#state;
    return state.kind === 'firing' || state.kind === 'calming' ? state.since : undefined;
  }

  /** True if the alert is not up and its condition is not bad. */
  get isQuiet(): boolean {
    return this.#state.kind === 'quiet';
  }

  /** The moment when the time of a state is over; `Infinity` for a state that only news can end. */
  get dueAt(): number {
    const state = this.#state;
    if (state.kind === 'suspect') return state.since + this.#holdMs;
    return state.kind === 'calming' ? state.wellSince + this.#calmMs : Infinity;
  }

  /**
   * Takes one observation and returns the change that it caused.
   * @param isBad `undefined` if the condition cannot be judged now. An alert that is up then stays so, any other
   *   state ends.
   */
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
