const bytes = new ArrayBuffer(8);
const asNumber = new Float64Array(bytes);
const asWords = new Uint32Array(bytes);

/**
 * Chance without a state: who asks, and when, is the whole question, and one question has one answer. What is drawn for
 * one event does not depend on which others there are, so a run stays itself when some of its steps are left out.
 */
export class Chance {
  readonly #seed: number;

  constructor(seed: number) {
    this.#seed = Math.imul(seed, 0x9e3779b1) | 0;
  }

  /** A number from 0 (inclusive) to 1 (exclusive). */
  of(whom: number, when: number): number {
    asNumber[0] = when;
    let mixed = this.#seed ^ whom;
    mixed = scramble(mixed ^ (asWords[0] ?? 0));
    mixed = scramble(mixed ^ (asWords[1] ?? 0));
    return (mixed >>> 0) / 2 ** 32;
  }

  /** A number from `low` to `high`. */
  between(whom: number, when: number, [low, high]: readonly [low: number, high: number]): number {
    return low + this.of(whom, when) * (high - low);
  }
}

/** A name as a number, for {@link Chance.of}. */
export function nameOf(text: string): number {
  let hash = 0x811c9dc5;
  for (let index = 0; index < text.length; index += 1) hash = Math.imul(hash ^ text.charCodeAt(index), 0x01000193);
  return hash;
}

/** The finaliser of MurmurHash3 (Austin Appleby, public domain). */
function scramble(word: number): number {
  let mixed = Math.imul(word ^ (word >>> 16), 0x85ebca6b);
  mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35);
  return mixed ^ (mixed >>> 16);
}
