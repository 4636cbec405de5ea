import { type Duration, toMs } from '../../core/model/duration.ts';
import type { BusMessage } from '../../core/model/invalidation.ts';
import type { Bus, BusListener } from '../../core/ports/bus.ts';
import type { CacheIdentity } from '../../core/ports/cache-identity.ts';
import { RemoteError } from '../../core/ports/remote-tier.ts';
import { type ChaosOptions, type Fault, type FaultScope, Faults } from './faults.ts';
import { Line } from './line.ts';
import { overriding } from './overriding.ts';

/** The kinds of messages that a fault of a bus can strike. */
export type BusMessageKind = BusMessage['kind'];

type MessageScope = FaultScope<BusMessageKind>;

/** The effect of a fault on a message. `pass` takes the message on, to the next fault or to the subscriber. */
type Effect = (message: BusMessage, pass: () => void) => void;

/** Time between a message and its repetition. Milliseconds. */
const REPEAT_MS = 1;

/**
 * Wraps any bus, and strikes the messages that arrive through it. Without faults it behaves as the bus that it wraps.
 * Messages that are not lost keep their order, except under {@link reorder}. A message that was held up is lost with
 * its subscription.
 * @example
 * ```ts
 * import { redis } from 'tiercel/redis';
 * import { ChaosBus } from 'tiercel/testing';
 *
 * const bus = new ChaosBus(redis('redis://127.0.0.1:6379').bus);
 * bus.lose({ only: 'invalidation', times: 1 });
 * ```
 */
export class ChaosBus implements Bus {
  readonly #bus: Bus;
  readonly #faults: Faults<Effect>;
  #listener: BusListener | undefined;
  /** Counts subscriptions, since a message belongs to one. */
  #subscription = 0;
  readonly #line = new Line({
    onUp: () => this.#listener?.onSubscribed(),
    onDown: (error) => {
      this.#subscription += 1;
      this.#listener?.onUnsubscribed(error);
    },
  });

  constructor(bus: Bus, options: ChaosOptions = {}) {
    this.#bus = bus;
    this.#faults = new Faults(options);
  }

  get madeWith(): object | undefined {
    return this.#bus.madeWith;
  }

  /** Loses messages without a sign. */
  lose(scope?: MessageScope): Fault {
    return this.#faults.add(() => {}, scope);
  }

  /** Delivers messages twice, the second time a millisecond later. */
  duplicate(scope?: MessageScope): Fault {
    return this.#faults.add((_message, pass) => {
      pass();
      this.#faults.clock.after(REPEAT_MS, pass);
    }, scope);
  }

  /** Holds messages back until the fault is lifted. They then arrive in their order. */
  hold(scope?: MessageScope): Fault {
    const held: (() => void)[] = [];
    const release = (): void => {
      for (const pass of held.splice(0)) pass();
    };
    return this.#faults.add((_message, pass) => held.push(pass), scope, release);
  }

  /** Exchanges each message with the one behind it: the second arrives, then the first, and so on. */
  reorder(scope?: MessageScope): Fault {
    let first: (() => void) | undefined;
    const release = (): void => {
      const late = first;
      first = undefined;
      late?.();
    };
    const effect: Effect = (_message, pass) => {
      if (first === undefined) first = pass;
      else {
        pass();
        release();
      }
    };
    return this.#faults.add(effect, scope, release);
  }

  /** Delivers messages later by the duration. */
  delay(duration: Duration, scope?: MessageScope): Fault {
    const ms = toMs(duration, 'duration');
    return this.#faults.add((_message, pass) => void this.#faults.clock.after(ms, pass), scope);
  }

  /** Cuts the subscription until {@link reconnect}. Messages on their way are lost. */
  disconnect(): void {
    this.#line.cut(new RemoteError('unavailable', 'The connection was cut'));
  }

  /** Restores the subscription that {@link disconnect} has cut. */
  reconnect(): void {
    this.#line.mend();
  }

  /** Lifts every fault, and reconnects. */
  heal(): void {
    this.#faults.heal();
    this.#line.mend();
  }

  start(instance: string, listener: BusListener, cache: CacheIdentity): void {
    this.#listener = listener;
    const heard: Partial<BusListener> = {
      onSubscribed: () => this.#line.rise(),
      onUnsubscribed: (error) => this.#line.fall(error),
      onMalformed: (reason, isGap) => this.#line.isUp && listener.onMalformed(reason, isGap),
      onMessage: (message) => this.#receive(message),
    };
    this.#bus.start(instance, overriding(listener, heard), cache);
  }

  reset(): void {
    this.#bus.reset();
  }

  close(): Promise<void> {
    this.#listener = undefined;
    return this.#bus.close();
  }

  #receive(message: BusMessage): void {
    if (!this.#line.isUp) return;
    const subscription = this.#subscription;
    const arrive = (): void => {
      if (subscription === this.#subscription) this.#listener?.onMessage(message);
    };
    const pass = this.#faults
      .strike(message.kind)
      .reduceRight<() => void>((next, effect) => () => effect(message, next), arrive);
    pass();
  }
}
