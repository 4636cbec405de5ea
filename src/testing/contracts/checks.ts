import { deepEqual, ok } from 'node:assert/strict';

/**
 * Checks that a value holds everything that is expected, and maybe more. Objects are compared by the expected
 * properties, and all other values as a whole.
 * @throws AssertionError that shows the part that differs.
 */
export function contains(actual: unknown, expected: object): void {
  deepEqual(partOf(actual, expected), expected);
}

/** Returns the part of `actual` that has a counterpart in `expected`. */
function partOf(actual: unknown, expected: unknown): unknown {
  if (!isPlain(actual) || !isPlain(expected)) return actual;
  const names = Object.keys(expected).filter((name) => name in actual);
  return Object.fromEntries(names.map((name) => [name, partOf(actual[name], expected[name])]));
}

function isPlain(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && !ArrayBuffer.isView(value);
}

type Maybe = number | undefined;

/**
 * Checks that a number is above a bound. `undefined` passes none of these three checks.
 * @throws AssertionError with both numbers.
 */
export function isAbove(actual: Maybe, bound: number): void {
  ok(actual !== undefined && actual > bound, `${actual} is not above ${bound}`);
}

export function isAtLeast(actual: Maybe, bound: number): void {
  ok(actual !== undefined && actual >= bound, `${actual} is less than ${bound}`);
}

export function isAtMost(actual: Maybe, bound: number): void {
  ok(actual !== undefined && actual <= bound, `${actual} is more than ${bound}`);
}
