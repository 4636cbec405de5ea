/** The listener of a {@link Line}. */
export interface LineEnds {
  onUp(): void;
  onDown(error: Error | undefined): void;
}

/**
 * A connection that a test cuts and mends, over one that comes and goes by itself. It is up while that one is up and
 * the test has not cut it.
 */
export class Line {
  readonly #ends: LineEnds;
  #carries = false;
  #cut = false;

  constructor(ends: LineEnds) {
    this.#ends = ends;
  }

  get isUp(): boolean {
    return this.#carries && !this.#cut;
  }

  get isCut(): boolean {
    return this.#cut;
  }

  /** Reports that the connection below has come. */
  rise(): void {
    this.#carries = true;
    if (!this.#cut) this.#ends.onUp();
  }

  /** Reports that the connection below has gone. */
  fall(error: Error | undefined): void {
    this.#carries = false;
    if (!this.#cut) this.#ends.onDown(error);
  }

  cut(error: Error): void {
    const wasUp = this.isUp;
    this.#cut = true;
    if (wasUp) this.#ends.onDown(error);
  }

  mend(): void {
    if (!this.#cut) return;
    this.#cut = false;
    if (this.#carries) this.#ends.onUp();
  }
}
