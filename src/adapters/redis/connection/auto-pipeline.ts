import { setImmediate } from 'node:timers';
import type { ChainableCommander, Redis } from 'ioredis';
import { quietly } from '../../../core/primitives/quietly.ts';

interface Call {
  readonly append: (commander: ChainableCommander) => unknown;
  readonly resolve: (reply: never) => void;
  readonly reject: (error: Error) => void;
}

interface Sending {
  readonly calls: Call[];
  /** Callbacks that may add calls before it is sent. */
  readonly before: (() => void)[];
  /** Callbacks for the moment from which no call can be added. */
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
  send<T>(append: (commander: ChainableCommander) => unknown): Promise<T> {
    const { calls } = this.#open ?? this.#begin();
    return new Promise<T>((resolve, reject) => {
      calls.push({ append, resolve, reject });
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
    const sending: Sending = { calls: [], before: [], closed: [] };
    this.#open = sending;
    // Not a microtask: calls caused by several packets of the same turn belong together too.
    setImmediate(() => {
      // One of them may add another one: that one is called as well. One that throws must not keep the packet from being sent.
      for (const run of sending.before) quietly(run);
      this.#open = undefined;
      sending.closed.forEach(quietly);
      const [first, second] = sending.calls;
      // Every outcome goes to the callers; nothing is left to reject here.
      if (first !== undefined && second === undefined) sendAlone(this.#client, first);
      else if (first !== undefined) void sendTogether(this.#client, sending.calls);
    });
    return sending;
  }
}

/** A pipeline takes longer to make than a command to send, and a client takes the same calls. */
function sendAlone(client: Redis, { append, resolve, reject }: Call): void {
  try {
    const reply = append(client as unknown as ChainableCommander) as Promise<never>;
    reply.then(resolve, (error: unknown) => reject(errorOf(error)));
  } catch (error) {
    reject(errorOf(error));
  }
}

async function sendTogether(client: Redis, calls: readonly Call[]): Promise<void> {
  try {
    const pipeline = client.pipeline();
    const appended = calls.filter((call) => isAppended(call, pipeline));
    const replies = await pipeline.exec();
    for (const [index, { resolve, reject }] of appended.entries()) {
      const [error, reply] = replies?.[index] ?? [new Error('The client gave no reply'), undefined];
      if (error === null) resolve(reply as never);
      else reject(error);
    }
  } catch (error) {
    for (const { reject } of calls) reject(errorOf(error));
  }
}

/** A call that cannot be written rejects alone; the others of its packet go on. */
function isAppended({ append, reject }: Call, pipeline: ChainableCommander): boolean {
  try {
    append(pipeline);
    return true;
  } catch (error) {
    reject(errorOf(error));
    return false;
  }
}

function errorOf(error: unknown): Error {
  return error instanceof Error ? error : new Error(String(error));
}
