import type { CacheView } from './cache-view.ts';
import type { Form } from './model/json-types.ts';

type Copy = (value: unknown) => unknown;

/** Copies the values within the answer of a call; one function for each method that answers with values. */
const ANSWERS: Readonly<Record<string, (answer: unknown, copyOf: Copy) => unknown>> = {
  getOrSet: (value, copyOf) => copyOf(value),
  get: (value, copyOf) => copyOf(value),
  peek: (value, copyOf) => copyOf(value),
  lookup: inLookup,
  peekLookup: inLookup,
  getMany: (values, copyOf) => inList(values, copyOf),
  getOrSetMany: (values, copyOf) => inList(values, copyOf),
  lookupMany: (lookups, copyOf) => inList(lookups, (lookup) => inLookup(lookup, copyOf)),
  namespace: (view, copyOf) => handingOutCopies(view as CacheView<Form>, copyOf),
};

/**
 * Makes a cache return a copy of each value to each caller. It replaces the methods of this one object. A cache that
 * returns its values as they are therefore pays nothing.
 */
export function handingOutCopies<C extends CacheView<Form>>(cache: C, copyOf: Copy): C {
  for (const [name, copied] of Object.entries(ANSWERS)) {
    const method = Reflect.get(cache, name) as (...given: unknown[]) => unknown;
    const value = function (this: unknown, ...given: unknown[]): unknown {
      const answer = method.apply(this, given);
      return answer instanceof Promise ? answer.then((each) => copied(each, copyOf)) : copied(answer, copyOf);
    };
    Object.defineProperty(cache, name, { value });
  }
  return cache;
}

function inLookup(lookup: unknown, copyOf: Copy): unknown {
  return typeof lookup === 'object' && lookup !== null && 'value' in lookup
    ? { ...lookup, value: copyOf(lookup.value) }
    : lookup;
}

function inList(answers: unknown, copyOf: Copy): unknown {
  return Array.isArray(answers) ? answers.map(copyOf) : answers;
}
