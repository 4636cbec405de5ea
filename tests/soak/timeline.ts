import type { WriteRecord } from './records.ts';

interface Moment {
  readonly at: number;
  readonly write: WriteRecord;
}

/** Moments kept at most; the oldest half goes when there are more. */
const MOST_MOMENTS = 4_096;

/** When each newer version of one row became known, in the order of time. Only what raises the version is kept. */
export class Timeline {
  #moments: Moment[] = [];

  /** From this moment on the write is known. Moments must not go back. */
  add(at: number, write: WriteRecord): void {
    const last = this.#moments.at(-1);
    if (last !== undefined && last.write.version >= write.version) return;
    this.#moments.push({ at, write });
    if (this.#moments.length > MOST_MOMENTS) this.#moments = this.#moments.slice(MOST_MOMENTS / 2);
  }

  /** The earliest moment, as far as they are kept, at which something newer than this version was known. */
  firstNewer(version: number): Moment | undefined {
    let low = 0;
    let high = this.#moments.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.#moments[middle]?.write.version ?? Infinity) <= version) low = middle + 1;
      else high = middle;
    }
    return this.#moments[low];
  }
}
