interface Slot<T> {
  readonly held: T;
  /** Milliseconds of the map's clock; `Infinity` for no expiry. */
  readonly until: number;
}

/** A map whose entries go by themselves at their time, as keys in Redis do: an expired one is never seen again. */
export class ExpiringMap<T> {
  readonly #slots: Map<string, Slot<T>>;
  readonly #now: () => number;

  constructor(now: () => number, slots: ReadonlyMap<string, Slot<T>> = new Map()) {
    this.#now = now;
    this.#slots = new Map(slots);
  }

  /** The same content, from here on apart from this one. */
  copy(): ExpiringMap<T> {
    return new ExpiringMap(this.#now, this.#slots);
  }

  get(key: string): T | undefined {
    return this.#live(key)?.held;
  }

  /** Milliseconds left, `Infinity` without expiry, `undefined` when there is none. */
  remaining(key: string): number | undefined {
    const slot = this.#live(key);
    return slot && slot.until - this.#now();
  }

  /** @param keepFor Milliseconds; `Infinity` for no expiry. */
  set(key: string, held: T, keepFor: number): void {
    this.#slots.set(key, { held, until: this.#now() + keepFor });
  }

  /** Another content under the expiry that the key already has. */
  replace(key: string, held: T): void {
    this.set(key, held, this.remaining(key) ?? 0);
  }

  /** Whether there was one to delete. */
  delete(key: string): boolean {
    const existed = this.#live(key) !== undefined;
    this.#slots.delete(key);
    return existed;
  }

  clear(): void {
    this.#slots.clear();
  }

  keys(): string[] {
    return [...this.#slots.keys()].filter((key) => this.#live(key) !== undefined);
  }

  #live(key: string): Slot<T> | undefined {
    const slot = this.#slots.get(key);
    if (slot === undefined || slot.until > this.#now()) return slot;
    this.#slots.delete(key);
    return undefined;
  }
}
