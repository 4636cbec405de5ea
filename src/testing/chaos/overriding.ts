/**
 * Replaces some methods of a tier, a bus or an outbox. All else, private state included, stays that of the given one.
 */
export function overriding<T extends object>(given: T, overrides: Partial<T>): T {
  return new Proxy(given, {
    get(target, name) {
      const own: unknown = Reflect.get(overrides, name) ?? Reflect.get(target, name);
      return typeof own === 'function' ? own.bind(target) : own;
    },
  });
}
