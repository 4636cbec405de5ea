import { type Duration, toMs } from '../../core/model/duration.ts';
import type { BusMessage } from '../../core/model/invalidation.ts';
import type { Bus, BusListener } from '../../core/ports/bus.ts';
import type { CacheIdentity } from '../../core/ports/cache-identity.ts';
import { RemoteError } from '../../core/ports/remote-tier.ts';
import { type ChaosOptions, type Fault, type FaultScope, Faults } from './faults.ts';
import { Line } from './line.ts';
import { overriding } from './overriding.ts';

/** What can be struck on a bus. */
export type BusMessageKind = BusMessage['kind'];

type MessageScope = FaultScope<BusMessageKind>;

/** What a fault makes of a message: `pass` takes it on, to the next fault or to the subscriber. */
type Effect = (message: BusMessage, pass: () => void) => void;

/** Between a message and its repetition, in milliseconds. */
const REPEAT_MS = 1;

/**
 * Any bus, with faults of the messages that arrive here: while there are none it is the one that was given.
 * What is not lost keeps its order, unless it says otherwise. A message that was held up is lost with its subscription.
 * @example
 * const bus = new ChaosBus(redis(url).bus);
 * bus.lose({ only: 'invalidation', times: 1 });
 */
export class ChaosBus implements Bus {
  readonly #bus: Bus;
  readonly #faults: Faults<Effect>;
  #listener: BusListener | undefined;
  /** Counts subscriptions: a message belongs to one. */
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

  /** Messages do not arrive, without a sign. */
  lose(scope?: MessageScope): Fault {
    return this.#faults.add(() => {}, scope);
  }

  /** Messages arrive, and once more a millisecond later. */
  duplicate(scope?: MessageScope): Fault {
    return this.#faults.add((_message, pass) => {
      pass();
      this.#faults.clock.after(REPEAT_MS, pass);
    }, scope);
  }

  /** Messages arrive when this is lifted, in their order. */
  hold(scope?: MessageScope): Fault {
    const held: (() => void)[] = [];
    const release = (): void => {
      for (const pass of held.splice(0)) pass();
    };
    return this.#faults.add((_message, pass) => held.push(pass), scope, release);
  }

  /** Messages change places with those behind them: the second arrives, then the first; and so on. */
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

  /** Messages arrive so much later. */
  delay(duration: Duration, scope?: MessageScope): Fault {
    const ms = toMs(duration, 'duration');
    return this.#faults.add((_message, pass) => void this.#faults.clock.after(ms, pass), scope);
  }

  /** Cuts the subscription until {@link reconnect}; what is on its way is lost. */
  disconnect(): void {
    this.#line.cut(new RemoteError('unavailable', 'The connection was cut'));
  }

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
      onMalformed: (reason) => this.#line.isUp && listener.onMalformed(reason),
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
