interface Slot<T> {
  readonly held: T;
  /** Moment of expiry, in milliseconds of the map's clock; `Infinity` for no expiry. */
  readonly until: number;
}

/** A map whose entries expire by themselves, as keys in Redis do. A reader never sees an expired entry. */
export class ExpiringMap<T> {
  readonly #slots: Map<string, Slot<T>>;
  readonly #now: () => number;

  constructor(now: () => number, slots: ReadonlyMap<string, Slot<T>> = new Map()) {
    this.#now = now;
    this.#slots = new Map(slots);
  }

  /** Returns a map of the same content. Later changes of one do not reach the other. */
  copy(): ExpiringMap<T> {
    return new ExpiringMap(this.#now, this.#slots);
  }

  get(key: string): T | undefined {
    return this.#live(key)?.held;
  }

  /** Returns the milliseconds until the key expires; `Infinity` without expiry, `undefined` when there is none. */
  remaining(key: string): number | undefined {
    const slot = this.#live(key);
    return slot && slot.until - this.#now();
  }

  /** @param keepFor Milliseconds; `Infinity` for no expiry. */
  set(key: string, held: T, keepFor: number): void {
    this.#slots.set(key, { held, until: this.#now() + keepFor });
  }

  /** Replaces the content of a key and keeps its expiry. */
  replace(key: string, held: T): void {
    this.set(key, held, this.remaining(key) ?? 0);
  }

  /** Deletes a key. Returns true when there was one. */
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
