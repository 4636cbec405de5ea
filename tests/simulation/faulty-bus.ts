import type { MemoryBus } from '../../src/adapters/memory/index.ts';
import type { BusMessage } from '../../src/core/invalidation.ts';
import type { Bus, BusListener } from '../../src/core/ports.ts';
import type { Host, VirtualTime } from './virtual-time.ts';

/** A bus connection that loses and repeats messages for as long as it is told to. */
export class FaultyBus implements Bus {
  readonly connection: MemoryBus;
  readonly #time: VirtualTime;
  readonly #host: Host;
  #losingUntil = 0;
  #repeatingUntil = 0;

  constructor(connection: MemoryBus, time: VirtualTime, host: Host) {
    this.connection = connection;
    this.#time = time;
    this.#host = host;
  }

  /** Messages that arrive before then are lost, without a sign. */
  loseUntil(moment: number): void {
    this.#losingUntil = moment;
  }

  /** Messages that arrive before then come once more, a little later. */
  repeatUntil(moment: number): void {
    this.#repeatingUntil = moment;
  }

  start(instance: string, listener: BusListener): void {
    this.connection.start(instance, {
      onSubscribed: () => listener.onSubscribed(),
      onUnsubscribed: (error) => listener.onUnsubscribed(error),
      onMalformed: (reason) => listener.onMalformed(reason),
      onMessage: (message) => this.#pass(listener, message),
    });
  }

  reset(): void {
    this.connection.reset();
  }

  close(): Promise<void> {
    return this.connection.close();
  }

  #pass(listener: BusListener, message: BusMessage): void {
    const { now } = this.#time;
    if (now < this.#losingUntil) return;
    listener.onMessage(message);
    if (now < this.#repeatingUntil) this.#time.at(now + 1, () => listener.onMessage(message), this.#host);
  }
}
