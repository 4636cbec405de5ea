import { InvalidOptionError } from './errors.ts';

/** The name of a cache that the user has not named. Two unnamed caches are therefore the same cache. */
export const DEFAULT_NAME = 'tiercel';

/** Matches a namespace of a shared tier. It allows no braces: they would end a Redis hash tag early. */
const NAMESPACE = /^[\w.:-]{1,64}$/;

/**
 * Asserts that `given` can begin the names of all keys of a cache.
 * @throws {@link InvalidOptionError} naming `option` when it cannot.
 */
export function assertNamespace(option: string, given: unknown): asserts given is string {
  if (typeof given !== 'string' || !NAMESPACE.test(given))
    throw new InvalidOptionError(option, given, '1 to 64 letters, digits, ".", "_", ":" or "-"');
}
