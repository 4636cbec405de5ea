/** Loads that the test ends by hand, in the order in which they began. */
export class HeldLoads<V> {
  readonly #loads: { readonly signal: AbortSignal; readonly answer: PromiseWithResolvers<V> }[] = [];

  readonly loader = ({ signal }: { readonly signal: AbortSignal }): Promise<V> => {
    const answer = Promise.withResolvers<V>();
    this.#loads.push({ signal, answer });
    return answer.promise;
  };

  /** How many have begun. */
  get count(): number {
    return this.#loads.length;
  }

  answer(value: V, index = this.count - 1): void {
    this.#load(index).answer.resolve(value);
  }

  fail(error: unknown, index = this.count - 1): void {
    this.#load(index).answer.reject(error);
  }

  /** The signal that the loader was given. */
  signal(index = this.count - 1): AbortSignal {
    return this.#load(index).signal;
  }

  #load(index: number) {
    const load = this.#loads[index];
    if (load === undefined) throw new Error(`There is no load ${index}`);
    return load;
  }
}
