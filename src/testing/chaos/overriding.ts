/** A tier, a bus or an outbox in which some methods are others; all else, private state included, is the given one's. */
export function overriding<T extends object>(given: T, overrides: Partial<T>): T {
  return new Proxy(given, {
    get(target, name) {
      const own: unknown = Reflect.get(overrides, name) ?? Reflect.get(target, name);
      return typeof own === 'function' ? own.bind(target) : own;
    },
  });
}
