import { drainMicrotasks } from 'bun:jsc';

/** A promise whose state can be asked for. */
export interface Watched<T> {
  readonly state: 'pending' | 'fulfilled' | 'rejected';
  /** The value, or throws the error; an error of its own while pending. */
  value(): T;
}

/** Watches a promise; its rejection counts as handled from here on. */
export function watch<T>(promise: Promise<T>): Watched<T> {
  let outcome:
    | { readonly state: 'fulfilled'; readonly value: T }
    | { readonly state: 'rejected'; readonly error: unknown }
    | undefined;
  promise.then(
    (value) => {
      outcome = { state: 'fulfilled', value };
    },
    (error: unknown) => {
      outcome = { state: 'rejected', error };
    },
  );
  return {
    get state() {
      drainMicrotasks();
      return outcome?.state ?? 'pending';
    },
    value() {
      drainMicrotasks();
      if (outcome === undefined) throw new Error('The promise is pending');
      if (outcome.state === 'rejected') throw outcome.error;
      return outcome.value;
    },
  };
}
