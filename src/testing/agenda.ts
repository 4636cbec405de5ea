/** An item that is due at a moment. */
export interface Due {
  /** The moment, in milliseconds of the agenda's owner. */
  readonly at: number;
  /** Decides between two items that are due at one moment: the smaller order is first. */
  readonly order: number;
}

/** Keeps items in the order of their moments: a binary heap by time, then by order. */
export class Agenda<T extends Due> {
  readonly #heap: T[] = [];

  /** The earliest item, which stays in the agenda. */
  get next(): T | undefined {
    return this.#heap[0];
  }

  add(due: T): void {
    const heap = this.#heap;
    let index = heap.push(due) - 1;
    while (index > 0) {
      const above = (index - 1) >> 1;
      if (!isBefore(heap, index, above)) return;
      swap(heap, index, above);
      index = above;
    }
  }

  /** Removes and returns the earliest item. */
  take(): T | undefined {
    const heap = this.#heap;
    const [first] = heap;
    const last = heap.pop();
    if (last === undefined || heap.length === 0) return first;
    heap[0] = last;
    let index = 0;
    for (;;) {
      const left = 2 * index + 1;
      const smaller = left + 1 < heap.length && isBefore(heap, left + 1, left) ? left + 1 : left;
      if (smaller >= heap.length || !isBefore(heap, smaller, index)) return first;
      swap(heap, index, smaller);
      index = smaller;
    }
  }
}

function isBefore(heap: readonly Due[], one: number, other: number): boolean {
  const a = heap[one];
  const b = heap[other];
  if (a === undefined || b === undefined) return false;
  return a.at < b.at || (a.at === b.at && a.order < b.order);
}

function swap<T>(heap: T[], one: number, other: number): void {
  const a = heap[one];
  const b = heap[other];
  if (a === undefined || b === undefined) return;
  heap[one] = b;
  heap[other] = a;
}
