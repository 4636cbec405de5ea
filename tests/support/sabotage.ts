/** What a sabotaged method throws, or rejects with. */
export class Sabotage extends Error {
  override readonly name = 'Sabotage';
}

/** How a method fails: at once, or by its promise. */
export type Failing = 'throws' | 'rejects';

/** Makes one method of some object fail, from the moment at which it is armed. */
export class Saboteur {
  readonly how: Failing;
  isArmed = false;
  /** The user code of single calls that fails, where it is that. */
  hook: string | undefined;
  /** How often a call has failed. */
  struck = 0;

  constructor(how: Failing) {
    this.how = how;
  }

  /** Fails, or does nothing while it is not armed. */
  strike(): Promise<never> | undefined {
    if (!this.isArmed) return undefined;
    this.struck += 1;
    const error = new Sabotage(`Strike ${this.struck}`);
    if (this.how === 'throws') throw error;
    return Promise.reject(error);
  }

  /** The same object, of which this method fails. All else, private state included, is the given one's. */
  spoil<T extends object>(given: T, method: PropertyKey): T {
    return new Proxy(given, {
      get: (target, name) => {
        const own: unknown = Reflect.get(target, name);
        if (typeof own !== 'function') return own;
        const call = own.bind(target) as (...args: unknown[]) => unknown;
        return name === method ? (...args: unknown[]) => this.strike() ?? call(...args) : call;
      },
    });
  }
}

/** Promises that rejected while nobody listened, since {@link watchRejections} began. */
export function watchRejections(): { readonly seen: unknown[]; stop(): Promise<void> } {
  const seen: unknown[] = [];
  const note = (error: unknown): void => void seen.push(error);
  process.on('unhandledRejection', note);
  return {
    seen,
    async stop() {
      // They are told of at the end of a turn of the event loop.
      for (let turn = 0; turn < 3; turn += 1) await new Promise((resolve) => setImmediate(resolve));
      process.off('unhandledRejection', note);
    },
  };
}
