import type { Duration } from '../../core/model/duration.ts';
import { CallFaults, type CallScope } from './call-faults.ts';
import type { ChaosOptions, Fault } from './faults.ts';

type LoaderScope = Omit<CallScope<'load'>, 'only'>;

/** Sets faults of a loader. */
export interface LoaderChaos {
  /** Rejects calls with this error. Default: an error with the message `Told to fail`. */
  fail(error?: unknown, scope?: LoaderScope): Fault;
  /**
   * Lets calls hang until the fault is lifted, even if their `signal` aborts, like a query that cannot be cancelled.
   */
  hang(scope?: LoaderScope): Fault;
  /** Lets calls take longer by the duration. */
  delay(duration: Duration, scope?: LoaderScope): Fault;
  /** Lifts every fault. */
  heal(): void;
  /** The number of calls, failed ones included. */
  readonly calls: number;
}

/** A loader with faults, made by {@link chaosLoader}. At first it has no fault. */
export type ChaosLoader<Given extends unknown[], V> = ((...given: Given) => Promise<V>) & LoaderChaos;

/**
 * Wraps a loader, or any function that a loader calls for its value, and lets a test set faults of it.
 * @example
 * ```ts
 * import { createCache } from 'tiercel';
 * import { lru } from 'tiercel/lru';
 * import { chaosLoader } from 'tiercel/testing';
 *
 * const cache = createCache({ l1: lru() });
 * const load = chaosLoader(() => ({ id: 1 }));
 * load.fail(new Error('database is away'), { times: 2 });
 * await cache.getOrSet('product:1', load); // rejects with the error
 * ```
 * @param options The clock and the random numbers of the faults.
 */
export function chaosLoader<Given extends unknown[], V>(
  load: (...given: Given) => V | Promise<V>,
  options: ChaosOptions = {},
): ChaosLoader<Given, V> {
  const faults = new CallFaults<'load'>(options);
  const told = (): Error => new Error('Told to fail');
  const run = async (...given: Given): Promise<V> => faults.run('load', () => load(...given));
  const chaos: LoaderChaos = {
    fail: (error, scope) => faults.fail(() => error ?? told(), scope),
    hang: (scope) => faults.hang(scope),
    delay: (duration, scope) => faults.delay(duration, scope),
    heal: () => faults.heal(),
    get calls() {
      return faults.total();
    },
  };
  return Object.defineProperties(run, Object.getOwnPropertyDescriptors(chaos)) as ChaosLoader<Given, V>;
}
