import { InvalidOptionError } from './errors.ts';

/** The name of a cache that was given none. Two unnamed caches are one cache. */
export const DEFAULT_NAME = 'tiercel';

/** What a namespace of a shared tier can be. Braces would end a hash tag of Redis early. */
const NAMESPACE = /^[\w.:-]{1,64}$/;

/** @throws {@link InvalidOptionError} naming `option` unless `given` can begin the names of all keys of a cache. */
export function assertNamespace(option: string, given: unknown): asserts given is string {
  if (typeof given !== 'string' || !NAMESPACE.test(given))
    throw new InvalidOptionError(option, given, '1 to 64 letters, digits, ".", "_", ":" or "-"');
}
