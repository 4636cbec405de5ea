import type { Socket } from 'node:net';
import { delayOf, type Fault, HOLD_BYTES } from './proxy-fault.ts';

/** What a test may know of one direction of one connection, in bytes. */
export interface FlowCounts {
  /** Came from the sender. */
  readonly received: number;
  /** Written to the receiver. */
  readonly passed: number;
  /** In the proxy: late, slowed or held. */
  readonly waiting: number;
  /** Lost on purpose. */
  readonly swallowed: number;
}

interface Piece {
  /** `undefined` is the end of the stream, which keeps its place behind the data. */
  readonly bytes: Buffer | undefined;
  readonly at: number;
  readonly chance: number;
}

/** Carries the bytes of one direction from one socket to another, as well or as badly as the fault of the moment says. */
export class Flow implements FlowCounts {
  received = 0;
  passed = 0;
  waiting = 0;
  swallowed = 0;
  /** Resolves once nothing will pass any more. Never rejects. */
  readonly done: Promise<void>;

  readonly #source: Socket;
  readonly #sink: Socket;
  readonly #fault: () => Fault;
  readonly #cut: () => void;
  readonly #queue: Piece[] = [];
  #closed = false;
  #wake: (() => void) | undefined;

  /**
   * @param fault The fault of the moment; asked anew before each step.
   * @param observe Sees each chunk as it comes in, before any fault.
   * @param cut Resets the whole connection.
   */
  constructor(source: Socket, sink: Socket, fault: () => Fault, observe: (bytes: Buffer) => void, cut: () => void) {
    this.#source = source;
    this.#sink = sink;
    this.#fault = fault;
    this.#cut = cut;
    source.on('data', (bytes: Buffer) => {
      this.received += bytes.length;
      observe(bytes);
      this.#enqueue(bytes);
    });
    // A socket that the proxy itself has reset also reports its end; that one is nobody's to see.
    source.on('end', () => {
      if (!source.destroyed) this.#enqueue(undefined);
    });
    sink.on('drain', () => this.wake());
    this.done = this.#run();
  }

  /** Looks at the fault again: it has changed. */
  wake(): void {
    this.#wake?.();
  }

  /** Both sockets are gone. */
  close(): void {
    this.#closed = true;
    this.wake();
  }

  #enqueue(bytes: Buffer | undefined): void {
    this.#queue.push({ bytes, at: performance.now(), chance: Math.random() * 2 - 1 });
    this.waiting += bytes?.length ?? 0;
    if (this.waiting > HOLD_BYTES) this.#source.pause();
    this.wake();
  }

  async #run(): Promise<void> {
    while (!this.#closed) {
      const fault = this.#fault();
      const [piece] = this.#queue;
      if (piece === undefined || fault.hold) {
        await this.#woken();
        continue;
      }
      const left = piece.at + delayOf(fault, piece.chance) - performance.now();
      if (left > 0) {
        await this.#woken(left);
        continue;
      }
      this.#queue.shift();
      if (fault.swallow || this.#sink.destroyed) this.swallowed += piece.bytes?.length ?? 0;
      else if (piece.bytes === undefined) this.#sink.end();
      else await this.#pass(piece.bytes);
      this.waiting -= piece.bytes?.length ?? 0;
      if (this.waiting <= HOLD_BYTES && this.#source.isPaused()) this.#source.resume();
    }
  }

  async #pass(bytes: Buffer): Promise<void> {
    for (let start = 0; start < bytes.length && !this.#closed; ) {
      const { slice = bytes.length, cutAfter = Number.POSITIVE_INFINITY, bandwidth } = this.#fault();
      const part = bytes.subarray(start, start + Math.min(slice, cutAfter - this.passed));
      if (part.length > 0) this.#sink.write(part);
      start += part.length;
      this.passed += part.length;
      if (this.passed >= cutAfter) return this.#cut();
      while (this.#sink.writableNeedDrain && !this.#closed) await this.#woken();
      if (bandwidth !== undefined) await Bun.sleep((part.length / bandwidth) * 1_000);
      // The next turn of the event loop: the system would put slices written in one turn into one segment.
      else if (start < bytes.length) await new Promise((resolve) => setImmediate(resolve));
    }
  }

  /** Until {@link Flow.wake}, at most `ms`. */
  async #woken(ms?: number): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#wake = resolve;
    const timer = ms === undefined ? undefined : setTimeout(resolve, ms);
    await promise;
    clearTimeout(timer);
  }
}
