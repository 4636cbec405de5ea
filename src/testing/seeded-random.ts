import type { Random } from '../core/primitives/clock.ts';

const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';

/**
 * Draws random numbers with the `mulberry32` generator: 32 bits of state, one seed gives one sequence. Use it for
 * tests, not for secrets. (Tommy Ettinger, 2017, public domain algorithm.)
 * @example
 * ```ts
 * import { SeededRandom } from 'tiercel/testing';
 *
 * const random = new SeededRandom(7);
 * random.pick(['get', 'set', 'delete']);
 * ```
 */
export class SeededRandom implements Random {
  #state: number;

  /** @param seed A whole number, of which the lowest 32 bits count. */
  constructor(seed: number) {
    this.#state = seed >>> 0;
  }

  /** Returns a number from 0, included, to 1, excluded. */
  next(): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(this.#state ^ (this.#state >>> 15), this.#state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  }

  /** Returns 22 characters of base64url, as the token of a record has. */
  token(): string {
    let token = '';
    for (let index = 0; index < 22; index += 1) token += ALPHABET[Math.floor(this.next() * 64)];
    return token;
  }

  /** Returns a number from `low`, included, to `high`, excluded. */
  between(low: number, high: number): number {
    return low + this.next() * (high - low);
  }

  /** Returns true with this probability. */
  chance(probability: number): boolean {
    return this.next() < probability;
  }

  /** Returns one of the choices. */
  pick<T>(choices: readonly T[]): T {
    const choice = choices[Math.floor(this.next() * choices.length)];
    if (choice === undefined) throw new Error('Nothing to pick from');
    return choice;
  }

  /** Makes another generator, so that draws from one do not change the draws from the other. */
  fork(): SeededRandom {
    return new SeededRandom(Math.floor(this.next() * 2 ** 32));
  }
}
