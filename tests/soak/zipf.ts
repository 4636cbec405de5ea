import type { SeededRandom } from '../../src/testing/seeded-random.ts';

/** How much more the first of them is asked for than the others: about as in the requests of most services. */
const EXPONENT = 0.9;

/** Picks among choices, the earlier ones more often: the n-th as often as 1/n^{@link EXPONENT}. */
export class Zipf<T> {
  readonly #choices: readonly T[];
  readonly #sums: readonly number[];

  constructor(choices: readonly T[]) {
    let sum = 0;
    this.#choices = choices;
    this.#sums = choices.map((_, index) => {
      sum += 1 / (index + 1) ** EXPONENT;
      return sum;
    });
  }

  pick(random: SeededRandom): T {
    const wanted = random.next() * (this.#sums.at(-1) ?? 0);
    let low = 0;
    let high = this.#sums.length - 1;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.#sums[middle] ?? 0) < wanted) low = middle + 1;
      else high = middle;
    }
    const choice = this.#choices[low];
    if (choice === undefined) throw new Error('Nothing to pick from');
    return choice;
  }
}
