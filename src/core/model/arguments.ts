import { InvalidOptionError } from './errors.ts';

/** The names that an object of options may have. */
export interface KnownNames {
  readonly names: ReadonlySet<string>;
  /** Names that users bring from elsewhere, each with what to write instead. */
  readonly hints: ReadonlyMap<string, string>;
}

/** @param hints What to write instead of a name that another library or another call has. */
export function knownNames(names: Iterable<string>, hints: Readonly<Record<string, string>> = {}): KnownNames {
  return { names: new Set(names), hints: new Map(Object.entries(hints)) };
}

/**
 * Refuses what is no object of options, and every name that is not known: a misspelt option would otherwise do nothing.
 * @param option How the object itself is called, `options` for instance.
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

/** Two slips of the keyboard are still the same word; more are another one. */
const MOST_SLIPS = 2;

/** The known name that was probably meant. */
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

/** Letters to insert, remove or replace (Levenshtein). */
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

/** @throws {@link InvalidOptionError} unless it is an array. */
export function assertArray(option: string, given: unknown, wanted: string): asserts given is readonly unknown[] {
  if (!Array.isArray(given)) throw new InvalidOptionError(option, given, wanted);
}

/** @throws {@link InvalidOptionError} unless it is left out or a function. */
export function assertFunction(option: string, given: unknown, wanted = 'a function'): void {
  if (given !== undefined && typeof given !== 'function') throw new InvalidOptionError(option, given, wanted);
}

/**
 * Tells a port by its methods, since adapters need not be classes of ours.
 * @throws {@link InvalidOptionError} unless it is an object that has them all.
 */
export function assertPort(option: string, given: unknown, methods: readonly string[], wanted: string): void {
  const has = (method: string): boolean => typeof (given as Record<string, unknown>)[method] === 'function';
  if (typeof given !== 'object' || given === null || !methods.every(has))
    throw new InvalidOptionError(option, given, wanted);
}

/** The error of a method that was taken off its object: `const { get } = cache`. */
export function detached(call: string): TypeError {
  return new TypeError(`cache.${call} was called without its cache; pass on (…) => cache.${call}(…) instead`);
}
