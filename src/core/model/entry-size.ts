import type { Entry } from './entry.ts';
import { InvalidValueError } from './errors.ts';
import { MAX_DEPTH } from './value.ts';

/** Bytes of an entry without its value: object, times, id, its place in the store. */
const ENTRY = 400;

const OBJECT = 64;

/** Number of properties that an object holds in itself. */
const INLINE_PROPERTIES = 6;

const FURTHER_PROPERTY = 12;

const STRING = 16;

const ARRAY = 48;

const ELEMENT = 8.5;

/** Bytes of a frozen array. Freezing gives each element a record of its own. */
const FROZEN_ARRAY = 80;

const FROZEN_ELEMENT = 40;

/** Matches text beyond Latin-1. A string with such a character takes two bytes a unit. */
const WIDE = /[^\u0000-\u00ff]/;

/**
 * Estimates the bytes that an entry takes of the heap, for an L1 that is bounded in bytes. The figures are of
 * JavaScriptCore, fitted to measurements of values of many kinds (`bun run bench memory`). V8 takes somewhat less.
 * @throws {@link InvalidValueError} when the value is nested more deeply than any that may be stored.
 */
export function bytesOf({ value }: Pick<Entry, 'value'>): number {
  return Math.ceil(ENTRY + (weightGiven(value) ?? weightOf(value, 0)));
}

const given = new WeakMap<object, number>();

/** Sets the weight of a value whose members do not tell it: a `Map` for instance, or a value that refers to itself. */
export function weighAs(value: object, bytes: number): void {
  given.set(value, bytes);
}

function weightGiven(value: unknown): number | undefined {
  return typeof value === 'object' && value !== null ? given.get(value) : undefined;
}

function weightOf(value: unknown, depth: number): number {
  if (typeof value === 'string') return STRING + value.length * (WIDE.test(value) ? 2 : 1);
  if (typeof value !== 'object' || value === null) return 0;
  if (depth >= MAX_DEPTH) throw new InvalidValueError(`is nested more than ${MAX_DEPTH} levels deep`);
  if (Array.isArray(value)) return arrayWeight(value, depth);
  let properties = 0;
  let members = 0;
  for (const member of Object.values(value)) {
    properties += 1;
    members += weightOf(member, depth + 1);
  }
  return OBJECT + members + FURTHER_PROPERTY * Math.max(properties - INLINE_PROPERTIES, 0);
}

function arrayWeight(elements: readonly unknown[], depth: number): number {
  let weight = Object.isFrozen(elements)
    ? FROZEN_ARRAY + FROZEN_ELEMENT * elements.length
    : ARRAY + ELEMENT * elements.length;
  for (const element of elements) weight += weightOf(element, depth + 1);
  return weight;
}
