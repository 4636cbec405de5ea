import { RemoteError } from '../ports/remote-tier.ts';
import type { CacheContext } from '../state/context.ts';
import type { GuardedL2 } from '../tiers/guarded-l2.ts';

const CROWDED =
  'L2 holds entries of eight other versions of this cache (`version`, or the format of a release) and has no place for one ' +
  'more; this process does not read L2, and its invalidations reach the others. Run fewer versions side by side, or wait: places are given out anew after ten minutes';

const PLACE_LOST =
  'L2 has no place any more for this version of the cache, though a place is never taken away: something else than Tiercel ' +
  'has written the record of the generation. A new generation has begun, and L2 is cold';

/** Reports each change for callers once: L1 suspended or resumed, L2 down or up, a right taken away. */
export class AvailabilityReporter {
  readonly #context: CacheContext;
  readonly #l2: GuardedL2;
  #wasProven: boolean | undefined;
  #downSince: number | undefined;
  #denial: string | undefined;
  #wasCrowded = false;

  constructor(context: CacheContext, l2: GuardedL2) {
    this.#context = context;
    this.#l2 = l2;
  }

  /** Reports what has changed since the last call. */
  say(isConnected: boolean): void {
    const now = this.#context.clock.now();
    this.#sayOfL1(this.#context.proof.isProven(now));
    this.#sayOfL2(now, isConnected);
  }

  /** Heartbeats rest from here on. L1's proof may lapse without being a suspension, because no caller asks. */
  expectLapse(): void {
    this.#wasProven = undefined;
  }

  /** Raises an alarm when L2 denies a heartbeat. An operator has taken a right away, and the outage does not end by itself. */
  sayIfDenied(error: unknown): void {
    if (!(error instanceof RemoteError && error.failure === 'denied') || error.message === this.#denial) return;
    this.#denial = error.message;
    this.#context.emit({ type: 'alarm', error });
  }

  /** A heartbeat was answered: the next denial is news. */
  forgetDenial(): void {
    this.#denial = undefined;
  }

  /** L2 has no place for this version of the cache: it goes without L2 until the generation is renewed. */
  sayIfCrowded(isCrowded: boolean): void {
    if (isCrowded && !this.#wasCrowded)
      this.#context.emit({ type: 'alarm', error: new RemoteError('denied', CROWDED) });
    this.#wasCrowded = isCrowded;
  }

  /** Another program has taken away the place of this version. */
  sayPlaceIsLost(): void {
    this.#context.emit({ type: 'alarm', error: new RemoteError('error', PLACE_LOST) });
  }

  #sayOfL1(isProven: boolean): void {
    const { counters, emit } = this.#context;
    if (this.#wasProven === true && !isProven) {
      counters.l1Suspensions += 1;
      emit({ type: 'l1_suspended' });
    } else if (this.#wasProven === false && isProven) emit({ type: 'l1_resumed' });
    // Not having been proven yet is no suspension.
    if (isProven || this.#wasProven !== undefined) this.#wasProven = isProven;
  }

  #sayOfL2(now: number, isConnected: boolean): void {
    const { emit } = this.#context;
    const isDown = !this.#l2.breaker.isClosed;
    if (isDown && this.#downSince === undefined) {
      this.#downSince = now;
      const isHeld = this.#l2.breaker.state.kind === 'forced-open';
      emit({ type: 'l2_down', reason: isHeld ? 'held open' : isConnected ? 'no answer' : 'not connected' });
    } else if (!isDown && this.#downSince !== undefined && this.#l2.session !== undefined) {
      emit({ type: 'l2_up', downMs: now - this.#downSince });
      this.#downSince = undefined;
    }
  }
}
