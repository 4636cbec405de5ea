import { setImmediate } from 'node:timers';
import type { ChainableCommander, Redis } from 'ioredis';

interface Sending {
  readonly pipeline: ChainableCommander;
  readonly settle: ((error: Error | null, reply?: unknown) => void)[];
  /** Who has something to add before it is sent. */
  readonly before: (() => void)[];
  /** Who wants to know when nothing can be added any more. */
  readonly closed: (() => void)[];
}

/**
 * Writes all commands of one turn of the event loop as one packet.
 *
 * ioredis's own auto-pipelining is not used: it holds every command back until the batch before is answered in full, so
 * a read may wait for two round trips instead of one, and behind a silent server commands pile up unsent.
 */
export class Batch {
  readonly #client: Redis;
  #open: Sending | undefined;

  constructor(client: Redis) {
    this.#client = client;
  }

  /**
   * @param append Adds exactly one command.
   * @typeParam T What ioredis promises as its reply.
   */
  send<T>(append: (pipeline: ChainableCommander) => ChainableCommander): Promise<T> {
    const sending = this.#open ?? this.#begin();
    append(sending.pipeline);
    return new Promise((resolve, reject) => {
      sending.settle.push((error, reply) => (error === null ? resolve(reply as T) : reject(error)));
    });
  }

  /** Calls `run` before the packet of this turn is sent. It does not throw. */
  beforeSending(run: () => void): void {
    (this.#open ?? this.#begin()).before.push(run);
  }

  /** Calls `run` when the packet of this turn is closed: what is called from then on goes with the next one. */
  onClosed(run: () => void): void {
    (this.#open ?? this.#begin()).closed.push(run);
  }

  #begin(): Sending {
    const sending: Sending = { pipeline: this.#client.pipeline(), settle: [], before: [], closed: [] };
    this.#open = sending;
    // Not a microtask: calls caused by several packets of the same turn belong together too.
    setImmediate(() => {
      for (const run of sending.before) run();
      this.#open = undefined;
      for (const run of sending.closed) run();
      if (sending.settle.length === 0) return;
      // Every outcome goes to the callers; nothing is left to reject here.
      void execute(sending);
    });
    return sending;
  }
}

async function execute({ pipeline, settle }: Sending): Promise<void> {
  try {
    const replies = await pipeline.exec();
    for (const [index, done] of settle.entries()) {
      const [error, reply] = replies?.[index] ?? [new Error('The client gave no reply')];
      done(error, reply);
    }
  } catch (error) {
    const reason = error instanceof Error ? error : new Error(String(error));
    for (const done of settle) done(reason);
  }
}
