/** What is told of a {@link Line}. */
export interface LineEnds {
  onUp(): void;
  onDown(error: Error | undefined): void;
}

/** A connection that a test cuts and mends, over one that comes and goes by itself: up is what is up and not cut. */
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

  /** The connection below has come. */
  rise(): void {
    this.#carries = true;
    if (!this.#cut) this.#ends.onUp();
  }

  /** The connection below has gone. */
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
