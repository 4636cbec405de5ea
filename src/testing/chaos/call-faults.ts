import { type Duration, toMs } from '../../core/model/duration.ts';
import { type ChaosOptions, type Fault, type FaultScope, Faults } from './faults.ts';

/** The calls that a fault strikes, and the stage at which it strikes them. */
export interface CallScope<Operation extends string> extends FaultScope<Operation> {
  /**
   * `request`, the default: before the call has had any effect. `reply`: the call has taken effect, but its caller does
   * not get the answer.
   */
  readonly stage?: 'request' | 'reply';
}

interface Effect {
  readonly stage: 'request' | 'reply';
  /** Resolves when the call may go on. Rejects with the error of the call. */
  readonly endure: () => Promise<void>;
}

/**
 * Strikes calls that answer asynchronously. Several faults of one call strike it one after the other, in the order in
 * which they were set.
 */
export class CallFaults<Operation extends string> {
  readonly #faults: Faults<Effect>;
  #counts = new Map<string, number>();

  constructor(options: ChaosOptions) {
    this.#faults = new Faults(options);
  }

  /** @param error Makes the error with which each call rejects. */
  fail(error: () => unknown, scope: CallScope<Operation> = {}): Fault {
    const endure = async (): Promise<void> => {
      throw error();
    };
    return this.#faults.add({ stage: scope.stage ?? 'request', endure }, scope);
  }

  hang(scope: CallScope<Operation> = {}): Fault {
    const end = Promise.withResolvers<void>();
    return this.#faults.add({ stage: scope.stage ?? 'request', endure: () => end.promise }, scope, end.resolve);
  }

  delay(duration: Duration, scope: CallScope<Operation> = {}): Fault {
    const ms = toMs(duration, 'duration');
    const { clock } = this.#faults;
    const endure = (): Promise<void> => new Promise((resolve) => void clock.after(ms, resolve));
    return this.#faults.add({ stage: scope.stage ?? 'request', endure }, scope);
  }

  heal(): void {
    this.#faults.heal();
  }

  /** Counts the calls of one operation. */
  count(operation: string): number {
    return this.#counts.get(operation) ?? 0;
  }

  /** Counts the calls of all operations. */
  total(): number {
    let calls = 0;
    for (const count of this.#counts.values()) calls += count;
    return calls;
  }

  forgetCounts(): void {
    this.#counts = new Map();
  }

  /**
   * Makes the call with the faults that strike it. A call without a fault is made at once, in the tick of its caller.
   */
  run<T>(operation: Operation, call: () => T | Promise<T>): T | Promise<T> {
    this.#counts.set(operation, this.count(operation) + 1);
    const effects = this.#faults.strike(operation);
    return effects.length === 0 ? call() : suffer(effects, call);
  }
}

async function suffer<T>(effects: readonly Effect[], call: () => T | Promise<T>): Promise<T> {
  for (const { stage, endure } of effects) if (stage === 'request') await endure();
  const answer = await call();
  for (const { stage, endure } of effects) if (stage === 'reply') await endure();
  return answer;
}
