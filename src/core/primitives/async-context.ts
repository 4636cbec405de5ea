/** Carries a value along the asynchronous calls that follow from one call: the platform's `AsyncLocalStorage`. */
export interface AsyncStorage<T> {
  /** Runs `work` with `value` stored. Asynchronous calls that `work` begins see the same value. */
  run<R>(value: T, work: () => R): R;
  /** Returns the stored value of the running call; `undefined` outside of every {@link run}. */
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

/**
 * The platform's `async_hooks`. It is looked up by name at run time, so the core imports nothing and works without it.
 */
const hooks = (globalThis as Platform).process?.getBuiltinModule?.('node:async_hooks') as AsyncHooks | undefined;

/** Makes a new storage. Returns `undefined` where the platform has none. */
export function asyncStorage<T>(): AsyncStorage<T> | undefined {
  return hooks && new hooks.AsyncLocalStorage<T>();
}

/**
 * Runs `work` in the asynchronous context in which this library was loaded, which belongs to no caller. Heartbeats,
 * timers and connections run in it. They outlive the call that starts them and must not carry its context along. Where
 * the platform has no asynchronous contexts, `work` runs as it is.
 */
export const detached: <T>(work: () => T) => T = hooks?.AsyncLocalStorage.snapshot() ?? ((work) => work());
