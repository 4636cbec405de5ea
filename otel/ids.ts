const TRACE_ID_LENGTH = 32;
const SPAN_ID_LENGTH = 16;

/** One draw takes this many random bytes, enough for some eighty traces. */
const POOL_BYTES = 2_048;
const INVALID = /^0+$/;

/**
 * Makes ids of traces and spans from random bytes, as the SDK's own generator does. It draws and spells out many ids at
 * once. Every request needs an id, sampled or not, and for most requests that is all that tracing does.
 */
export class PooledIds {
  readonly #fill: (bytes: Buffer<ArrayBuffer>) => void;
  readonly #bytes = Buffer.alloc(POOL_BYTES);
  #digits = '';
  #at = 0;

  /** @param fill Fills all of its argument with random bytes. Default: the platform's generator. */
  constructor(fill: (bytes: Buffer<ArrayBuffer>) => void = (bytes) => void crypto.getRandomValues(bytes)) {
    this.#fill = fill;
  }

  readonly generateTraceId = (): string => this.#take(TRACE_ID_LENGTH);
  readonly generateSpanId = (): string => this.#take(SPAN_ID_LENGTH);

  #take(length: number): string {
    if (this.#at + length > this.#digits.length) this.#draw();
    const id = this.#digits.slice(this.#at, this.#at + length);
    this.#at += length;
    // The specification reserves the id of zeros for "none". Chance makes a span id of zeros once in 2⁶⁴ draws.
    return id.startsWith('0') && INVALID.test(id) ? this.#take(length) : id;
  }

  #draw(): void {
    this.#fill(this.#bytes);
    this.#digits = this.#bytes.toString('hex');
    this.#at = 0;
  }
}
