import { type Duration, toMs } from '../../core/model/duration.ts';
import { InvalidOptionError } from '../../core/model/errors.ts';
import { type Clock, type Random, systemClock } from '../../core/primitives/clock.ts';
import { SeededRandom } from '../seeded-random.ts';

/** Whose time and chance faults follow. */
export interface ChaosOptions {
  /** Measures delays, and how long faults last. Default: the system's; a {@link TestClock} where the test moves time. */
  readonly clock?: Clock;
  /** Draws for `probability`. Default: seeded with 1, so that a test is the same every time. */
  readonly random?: Pick<Random, 'next'>;
}

/** What a fault strikes and for how long. Nothing said: everything, until it is lifted. */
export interface FaultScope<Operation extends string> {
  /** The operations that it strikes. Default all. */
  readonly only?: Operation | readonly Operation[];
  /** After so many strikes it is over. Default `Infinity`. */
  readonly times?: number;
  /** The share of what it could strike that it does, by chance: above 0, at most 1, which is the default. */
  readonly probability?: number;
  /** After so long it is over. Default `Infinity`. */
  readonly lasts?: Duration;
}

/** A fault that was set. */
export interface Fault {
  /** How often it has struck. */
  readonly strikes: number;
  /** Ends it; calling it again does nothing. */
  lift(): void;
}

interface SetFault<Effect> extends Fault {
  readonly effect: Effect;
  /** Whether it strikes this time; if so it has been counted. */
  hits(operation: string): boolean;
}

/** The faults of one fixture, in the order in which they were set. */
export class Faults<Effect> {
  readonly clock: Clock;
  readonly #random: Pick<Random, 'next'>;
  #faults: readonly SetFault<Effect>[] = [];

  constructor({ clock = systemClock, random = new SeededRandom(1) }: ChaosOptions = {}) {
    this.clock = clock;
    this.#random = random;
  }

  /**
   * @param onLift Told once, when the fault is over, whoever ended it.
   * @throws {@link InvalidOptionError} naming what of the scope cannot be used.
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

  /** What strikes this one, in the order in which it was set. */
  strike(operation: string): Effect[] {
    return this.#faults.filter((fault) => fault.hits(operation)).map(({ effect }) => effect);
  }

  /** Lifts everything. */
  heal(): void {
    for (const fault of this.#faults) fault.lift();
  }
}
