/** A read of the database whose answer is on its way. */
export interface HeldRead {
  /** Resolves once a reader reads. The answer is fixed from then on, and has not arrived. */
  readonly begun: Promise<void>;
  /** Lets the answer arrive. */
  arrive(): void;
}

/**
 * Holds prices of products in memory. Like any database it answers with the price of that moment, however late the
 * answer arrives.
 */
export class Database {
  readonly #prices = new Map<number, number>();
  /** The number of reads. */
  queries = 0;
  #held: { readonly onBegin: () => void; readonly arrival: Promise<void> } | undefined;

  async read(id: number): Promise<number | null> {
    this.queries += 1;
    const price = this.now(id);
    const held = this.#held;
    this.#held = undefined;
    held?.onBegin();
    await held?.arrival;
    return price;
  }

  /** Returns the present price, without a read. */
  now(id: number): number | null {
    return this.#prices.get(id) ?? null;
  }

  async write(id: number, price: number): Promise<void> {
    this.#prices.set(id, price);
  }

  /** Holds the next read on its way until the test lets it go. */
  holdNextRead(): HeldRead {
    const begun = Promise.withResolvers<void>();
    const arrival = Promise.withResolvers<void>();
    this.#held = { onBegin: begun.resolve, arrival: arrival.promise };
    return { begun: begun.promise, arrive: arrival.resolve };
  }
}
