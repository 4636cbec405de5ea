import { drainMicrotasks } from 'bun:jsc';
import type { Clock } from '../../src/core/clock.ts';

/** A process of the simulated world: its events wait while it is paused, and never come once it has crashed. */
export class Host {
  readonly name: string;
  pausedUntil = 0;
  crashed = false;

  constructor(name: string) {
    this.name = name;
  }
}

interface Happening {
  readonly at: number;
  readonly order: number;
  readonly host: Host | undefined;
  readonly run: () => void;
  cancelled: boolean;
}

/**
 * Time that moves from event to event. Between two events every promise that can settle does, so one order of events
 * is one run: nothing depends on the machine.
 */
export class VirtualTime {
  #now = 0;
  #order = 0;
  /** A binary heap by time, then by order of scheduling. */
  readonly #heap: Happening[] = [];

  get now(): number {
    return this.#now;
  }

  /** Runs `run` at that moment, or as soon after it as its host is awake. Answers a function that cancels it. */
  at(moment: number, run: () => void, host?: Host): () => void {
    this.#order += 1;
    const happening: Happening = { at: Math.max(moment, this.#now), order: this.#order, host, run, cancelled: false };
    this.#push(happening);
    return () => {
      happening.cancelled = true;
    };
  }

  /** The clock of one host, from an origin and at a speed of its own. */
  clockOf(host: Host, origin = 0, speed = 1): Clock {
    return {
      now: () => this.#now * speed + origin,
      after: (ms, run) => (ms === Infinity ? () => {} : this.at(this.#now + ms / speed, run, host)),
    };
  }

  /** Lets everything happen that is due up to `end`. */
  runUntil(end: number): void {
    drainMicrotasks();
    for (let next = this.#heap[0]; next !== undefined && next.at <= end; next = this.#heap[0]) {
      this.#pop();
      if (next.cancelled || next.host?.crashed) continue;
      this.#now = next.at;
      if (next.host !== undefined && next.host.pausedUntil > this.#now) {
        this.#push({ ...next, at: next.host.pausedUntil });
        continue;
      }
      next.run();
      drainMicrotasks();
    }
    this.#now = Math.max(this.#now, end);
  }

  #push(happening: Happening): void {
    const heap = this.#heap;
    let index = heap.push(happening) - 1;
    while (index > 0) {
      const above = (index - 1) >> 1;
      if (!isBefore(heap, index, above)) return;
      swap(heap, index, above);
      index = above;
    }
  }

  #pop(): void {
    const heap = this.#heap;
    const last = heap.pop();
    if (last === undefined || heap.length === 0) return;
    heap[0] = last;
    let index = 0;
    for (;;) {
      const left = 2 * index + 1;
      const smaller = left + 1 < heap.length && isBefore(heap, left + 1, left) ? left + 1 : left;
      if (smaller >= heap.length || !isBefore(heap, smaller, index)) return;
      swap(heap, index, smaller);
      index = smaller;
    }
  }
}

function isBefore(heap: readonly Happening[], one: number, other: number): boolean {
  const a = heap[one];
  const b = heap[other];
  if (a === undefined || b === undefined) return false;
  return a.at < b.at || (a.at === b.at && a.order < b.order);
}

function swap(heap: Happening[], one: number, other: number): void {
  const a = heap[one];
  const b = heap[other];
  if (a === undefined || b === undefined) return;
  heap[one] = b;
  heap[other] = a;
}
