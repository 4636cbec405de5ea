import type { Clock } from '../../core/primitives/clock.ts';
import { ALERT_THRESHOLDS } from './thresholds.ts';

const { probeMs, retryMs } = ALERT_THRESHOLDS.sourceUnavailable;

/**
 * Asks the source at intervals if it answers. Traffic would not show an outage while the cache answers every request.
 */
export class SourceWatch implements AsyncDisposable {
  readonly #clock: Clock;
  readonly #probe: () => Promise<boolean>;
  readonly #onChange: () => void;
  #isDown = false;
  #isClosed = false;
  #cancelTimer = (): void => {};
  #running: Promise<void> | undefined;

  /**
   * @param probe Tells if the source answers; must neither reject nor hang.
   * @param onChange Called when {@link SourceWatch.isDown} has changed.
   */
  constructor(clock: Clock, probe: () => Promise<boolean>, onChange: () => void) {
    this.#clock = clock;
    this.#probe = probe;
    this.#onChange = onChange;
    this.#schedule();
  }

  /** True if the source did not answer the last probe. */
  get isDown(): boolean {
    return this.#isDown;
  }

  /** Waits for a probe that is under way. */
  async close(): Promise<void> {
    this.#isClosed = true;
    this.#cancelTimer();
    await this.#running;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  #schedule(): void {
    if (this.#isClosed) return;
    this.#cancelTimer = this.#clock.after(this.#isDown ? retryMs : probeMs, () => {
      this.#running = this.#look();
    });
  }

  async #look(): Promise<void> {
    const wasDown = this.#isDown;
    this.#isDown = !(await this.#probe());
    if (this.#isDown !== wasDown && !this.#isClosed) this.#onChange();
    this.#schedule();
  }
}
