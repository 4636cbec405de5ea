/** Carries a value along the asynchronous calls that follow from one call. The platform's `AsyncLocalStorage`. */
export interface AsyncStorage<T> {
  /** Runs `work`, and all that it goes on to do, with `value` as the stored one. */
  run<R>(value: T, work: () => R): R;
  /** The stored value of the call that is running; `undefined` outside of every {@link run}. */
  getStore(): T | undefined;
  /** Ends every {@link run}: no call has a stored value until the next one. */
  disable(): void;
}

interface AsyncHooks {
  readonly AsyncLocalStorage: {
    new <T>(): AsyncStorage<T>;
    snapshot(): <R>(work: () => R) => R;
  };
}

interface Platform {
  readonly process?: { getBuiltinModule?(name: string): unknown };
}

/** Asked for by name at run time, so that the core imports nothing and works where there is no such module. */
const hooks = (globalThis as Platform).process?.getBuiltinModule?.('node:async_hooks') as AsyncHooks | undefined;

/** A new storage, or `undefined` where the platform has none. */
export function asyncStorage<T>(): AsyncStorage<T> | undefined {
  return hooks && new hooks.AsyncLocalStorage<T>();
}

/**
 * Runs `work` in the asynchronous context in which this library was loaded, which is that of no caller. Heartbeats, timers
 * and connections that one call happens to start run in it: they outlive the call and must not carry its context along.
 * Where the platform has no asynchronous contexts, `work` runs as it is.
 */
export const detached: <T>(work: () => T) => T = hooks?.AsyncLocalStorage.snapshot() ?? ((work) => work());
