import { type Params, pathParams, type Query } from './params.ts';

/** Returns the parameters that a key holds; `undefined` for a key that the resource does not make. */
export type KeyReader<P extends Params> = (key: string) => P | undefined;

/** The first of the numbers that stand for parameters. No literal text of a key is likely to hold them. */
const FIRST_STANDIN = 700_000_001;

/** One spelling only, as in {@link Params}. */
const NUMBER = '(0|[1-9][0-9]{0,15})';

/**
 * Makes the reverse of a resource's `key`, by a key that it makes of numbers that nothing else holds. A parameter that does
 * not stand in the key is left out.
 */
export function keyReader<P extends Params>(
  route: string,
  query: Query,
  key: (params: Params) => string,
): KeyReader<P> {
  const names = [...pathParams(route), ...Object.keys(query)];
  const standins = new Map(names.map((name, index) => [String(FIRST_STANDIN + index), name]));
  const sample = key(Object.fromEntries([...standins].map(([number, name]) => [name, Number(number)])));
  const parts = sample.split(new RegExp(`(${[...standins.keys()].join('|') || '(?!)'})`));
  const held = parts.flatMap((part) => standins.get(part) ?? []);
  const pattern = new RegExp(`^${parts.map((part) => (standins.has(part) ? NUMBER : RegExp.escape(part))).join('')}$`);
  return (text) => {
    const numbers = pattern.exec(text);
    if (numbers === null) return undefined;
    return Object.fromEntries(held.map((name, index) => [name, Number(numbers[index + 1])])) as P;
  };
}
