import { deepEqual, ok } from 'node:assert/strict';

/**
 * Whether a value holds all that is expected of it, and maybe more: objects are compared by the properties that are named,
 * everything else as a whole.
 * @throws AssertionError that shows the part that differs.
 */
export function contains(actual: unknown, expected: object): void {
  deepEqual(partOf(actual, expected), expected);
}

/** What of `actual` has a counterpart in `expected`. */
function partOf(actual: unknown, expected: unknown): unknown {
  if (!isPlain(actual) || !isPlain(expected)) return actual;
  const names = Object.keys(expected).filter((name) => name in actual);
  return Object.fromEntries(names.map((name) => [name, partOf(actual[name], expected[name])]));
}

function isPlain(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && !ArrayBuffer.isView(value);
}

type Maybe = number | undefined;

/** @throws AssertionError with both numbers, as the three below; nothing is above or below `undefined`. */
export function isAbove(actual: Maybe, bound: number): void {
  ok(actual !== undefined && actual > bound, `${actual} is not above ${bound}`);
}

export function isAtLeast(actual: Maybe, bound: number): void {
  ok(actual !== undefined && actual >= bound, `${actual} is less than ${bound}`);
}

export function isAtMost(actual: Maybe, bound: number): void {
  ok(actual !== undefined && actual <= bound, `${actual} is more than ${bound}`);
}
