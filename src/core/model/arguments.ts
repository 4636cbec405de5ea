import { InvalidOptionError } from './errors.ts';

/** The names that an object of options may have. */
export interface KnownNames {
  readonly names: ReadonlySet<string>;
  /** Names that users know from other libraries or calls. The value tells the user which option to write instead. */
  readonly hints: ReadonlyMap<string, string>;
}

/**
 * Makes a {@link KnownNames}.
 * @param hints For a name that another library or another call has, the advice that the error gives.
 */
export function knownNames(names: Iterable<string>, hints: Readonly<Record<string, string>> = {}): KnownNames {
  return { names: new Set(names), hints: new Map(Object.entries(hints)) };
}

/**
 * Refuses a value that is no object of options, and refuses every unknown name in it. A misspelt option would otherwise
 * have no effect.
 * @param option The name of the object itself, `options` for instance.
 * @param prefix Stands before a name in the message: `source.` for a member of `source`.
 * @throws {@link InvalidOptionError}
 */
export function assertNames(option: string, given: unknown, known: KnownNames, prefix = ''): void {
  if (typeof given !== 'object' || given === null || Array.isArray(given))
    throw new InvalidOptionError(option, given, `an object with any of ${[...known.names].join(', ')}`);
  for (const name in given) if (!known.names.has(name)) throw unknownOption(name, known, prefix);
}

function unknownOption(name: string, { names, hints }: KnownNames, prefix: string): InvalidOptionError {
  const hint = hints.get(name) ?? nearest(name, names);
  const advice = hint === undefined ? '' : hints.has(name) ? `: ${hint}` : `; did you mean ${prefix}${hint}?`;
  return InvalidOptionError.unknown(prefix + name, [...names], advice);
}

/** Most typing errors between two names that still count as the same word. */
const MOST_SLIPS = 2;

/** Returns the known name that the user probably meant; `undefined` when none is near. */
function nearest(given: string, names: Iterable<string>): string | undefined {
  let best: string | undefined;
  let least = Math.min(MOST_SLIPS, Math.floor(given.length / 2)) + 1;
  for (const name of names) {
    const slips = slipsBetween(given.toLowerCase(), name.toLowerCase());
    if (slips >= least) continue;
    best = name;
    least = slips;
  }
  return best;
}

/** Counts the letters to insert, remove or replace (Levenshtein). */
function slipsBetween(from: string, to: string): number {
  let row = Array.from({ length: to.length + 1 }, (_, index) => index);
  for (let index = 0; index < from.length; index += 1) {
    const next = [index + 1];
    for (let other = 0; other < to.length; other += 1) {
      const replaced = (row[other] ?? 0) + (from[index] === to[other] ? 0 : 1);
      next.push(Math.min(replaced, (row[other + 1] ?? 0) + 1, (next[other] ?? 0) + 1));
    }
    row = next;
  }
  return row[to.length] ?? 0;
}

/**
 * Asserts that a value is an array.
 * @throws {@link InvalidOptionError} when it is not.
 */
export function assertArray(option: string, given: unknown, wanted: string): asserts given is readonly unknown[] {
  if (!Array.isArray(given)) throw new InvalidOptionError(option, given, wanted);
}

/**
 * Asserts that an option is absent or a function.
 * @throws {@link InvalidOptionError} when it is neither.
 */
export function assertFunction(option: string, given: unknown, wanted = 'a function'): void {
  if (given !== undefined && typeof given !== 'function') throw new InvalidOptionError(option, given, wanted);
}

/**
 * Asserts that a value is a port. It checks the methods, since an adapter need not be an instance of a Tiercel class.
 * @throws {@link InvalidOptionError} when the value is no object, or lacks one of the methods.
 */
export function assertPort(option: string, given: unknown, methods: readonly string[], wanted: string): void {
  const has = (method: string): boolean => typeof (given as Record<string, unknown>)[method] === 'function';
  if (typeof given !== 'object' || given === null || !methods.every(has))
    throw new InvalidOptionError(option, given, wanted);
}

/** Makes the error for a call of a method that the caller took off its object: `const { get } = cache`. */
export function detached(call: string): TypeError {
  return new TypeError(`cache.${call} was called without its cache; pass on (…) => cache.${call}(…) instead`);
}
