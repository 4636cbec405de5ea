/** Something that is due at a moment. */
export interface Due {
  /** In milliseconds of whoever keeps the agenda. */
  readonly at: number;
  /** Decides between two that are due at one moment: the smaller is first. */
  readonly order: number;
}

/** What is due, the earliest first: a binary heap by time, then by order. */
export class Agenda<T extends Due> {
  readonly #heap: T[] = [];

  /** The earliest, which stays. */
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

  /** Takes the earliest out. */
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
