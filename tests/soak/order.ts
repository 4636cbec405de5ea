import type { ReadRecord } from './records.ts';

/** Versions remembered of each row in each view; a read that falls behind all of them breaks other rules as well. */
const MOST_VERSIONS = 64;

/**
 * I6, of one row in one view of one instance: of two unflagged reads that do not overlap, the later returns no older
 * version. Excepted is a newer value that came from the source and did not get into L2: until its invalidation has been
 * delivered, which is the business of I1, nobody but those who loaded it need know.
 */
export class Order {
  /** When a read with that version first ended. */
  readonly #ended = new Map<number, number>();
  readonly #excepted = new Set<number>();

  /** Takes note of a read as soon as it has ended. */
  add(version: number, { end, notInL2 }: ReadRecord): void {
    if (notInL2) this.#excepted.add(version);
    if (this.#ended.has(version)) return;
    this.#ended.set(version, end);
    if (this.#ended.size <= MOST_VERSIONS) return;
    const oldest = Math.min(...this.#ended.keys());
    this.#ended.delete(oldest);
    this.#excepted.delete(oldest);
  }

  /** A newer version that a read returned before this one began. */
  newerBefore(version: number, start: number): { readonly version: number; readonly end: number } | undefined {
    for (const [other, end] of this.#ended)
      if (other > version && end <= start && !this.#excepted.has(other)) return { version: other, end };
    return undefined;
  }
}
