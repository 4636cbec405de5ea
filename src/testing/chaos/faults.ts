import { type Duration, toMs } from '../../core/model/duration.ts';
import { InvalidOptionError } from '../../core/model/errors.ts';
import { type Clock, type Random, systemClock } from '../../core/primitives/clock.ts';
import { SeededRandom } from '../seeded-random.ts';

/** The clock and the random numbers of a fixture's faults. */
export interface ChaosOptions {
  /**
   * Measures delays, and how long faults last. Default: the system's clock. Give the {@link TestClock} where the test
   * moves time.
   */
  readonly clock?: Clock;
  /** Draws for `probability`. Default: a generator with the seed 1, so that a test is the same every time. */
  readonly random?: Pick<Random, 'next'>;
}

/** The operations that a fault strikes, and its duration. Default: every operation, until the fault is lifted. */
export interface FaultScope<Operation extends string> {
  /** The operations that the fault strikes. Default: all. */
  readonly only?: Operation | readonly Operation[];
  /** The fault ends after this many strikes. Default `Infinity`. */
  readonly times?: number;
  /** The share of operations that the fault strikes, by chance: above 0, at most 1. Default 1. */
  readonly probability?: number;
  /** The fault ends after this time. Default `Infinity`. */
  readonly lasts?: Duration;
}

/** A fault that was set. */
export interface Fault {
  /** The number of operations that it has struck. */
  readonly strikes: number;
  /** Ends the fault. A second call does nothing. */
  lift(): void;
}

interface SetFault<Effect> extends Fault {
  readonly effect: Effect;
  /** Tells if the fault strikes this operation, and counts the strike. */
  hits(operation: string): boolean;
}

/** Holds the faults of one fixture, in the order in which they were set. */
export class Faults<Effect> {
  readonly clock: Clock;
  readonly #random: Pick<Random, 'next'>;
  #faults: readonly SetFault<Effect>[] = [];

  constructor({ clock = systemClock, random = new SeededRandom(1) }: ChaosOptions = {}) {
    this.clock = clock;
    this.#random = random;
  }

  /**
   * Adds a fault.
   * @param onLift Called once, when the fault has ended for any reason.
   * @throws {@link InvalidOptionError} naming the member of the scope that cannot be used.
   */
  add<Operation extends string>(
    effect: Effect,
    scope: FaultScope<Operation> = {},
    onLift: () => void = () => {},
  ): Fault {
    const { only, times = Infinity, probability = 1, lasts = Infinity } = scope;
    if (!(times >= 1)) throw new InvalidOptionError('times', times, '1 or more');
    if (!(probability > 0 && probability <= 1))
      throw new InvalidOptionError('probability', probability, 'above 0 and at most 1');
    const struck: readonly string[] | undefined = typeof only === 'string' ? [only] : only;
    let strikes = 0;
    const fault: SetFault<Effect> = {
      effect,
      get strikes() {
        return strikes;
      },
      hits: (operation) => {
        if (struck?.includes(operation) === false || strikes >= times) return false;
        if (probability < 1 && this.#random.next() >= probability) return false;
        strikes += 1;
        return true;
      },
      lift: () => {
        if (!this.#faults.includes(fault)) return;
        this.#faults = this.#faults.filter((each) => each !== fault);
        cancel();
        onLift();
      },
    };
    const lastsMs = toMs(lasts, 'lasts');
    const cancel = lastsMs === Infinity ? () => {} : this.clock.after(lastsMs, () => fault.lift());
    this.#faults = [...this.#faults, fault];
    return fault;
  }

  /** Returns the effects of the faults that strike this operation, in the order in which the faults were set. */
  strike(operation: string): Effect[] {
    return this.#faults.filter((fault) => fault.hits(operation)).map(({ effect }) => effect);
  }

  /** Lifts every fault. */
  heal(): void {
    for (const fault of this.#faults) fault.lift();
  }
}
