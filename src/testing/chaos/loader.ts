import type { Duration } from '../../core/model/duration.ts';
import { CallFaults, type CallScope } from './call-faults.ts';
import type { ChaosOptions, Fault } from './faults.ts';

type LoaderScope = Omit<CallScope<'load'>, 'only'>;

/** What can be done to a loader. */
export interface LoaderChaos {
  /** Calls reject with this. Default: an error that says that it was told to. */
  fail(error?: unknown, scope?: LoaderScope): Fault;
  /** Calls do not end until this is lifted, whatever their `signal` says: as a query that cannot be cancelled. */
  hang(scope?: LoaderScope): Fault;
  /** Calls take so much longer. */
  delay(duration: Duration, scope?: LoaderScope): Fault;
  /** Lifts every fault. */
  heal(): void;
  /** How many calls there were, those that failed included. */
  readonly calls: number;
}

/** A loader to which something can be done; nothing has been yet. Made by {@link chaosLoader}. */
export type ChaosLoader<Given extends unknown[], V> = ((...given: Given) => Promise<V>) & LoaderChaos;

/**
 * Any loader, or whatever else a loader asks for its value, with faults to be set.
 * @example
 * const load = chaosLoader(() => ({ id: 1 }));
 * load.fail(new Error('database is away'), { times: 2 });
 * await cache.getOrSet('product:1', load);
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
