import { withItems } from './values.ts';

/** A kilobyte of letters, in a script of its own each. */
const LATIN = 'The quick brown fox jumps over the lazy dog. ';
const GREEK = 'Ξεσκεπάζω την ψυχοφθόρα βδελυγμία του νου. ';

/**
 * Makes values as a database answers them: parsed anew for each entry, each with texts of its own. The engine keeps
 * equal texts once.
 */
const parsed =
  (valueAt: (index: number) => unknown) =>
  (index: number): unknown =>
    JSON.parse(JSON.stringify(valueAt(index)));

const letters = (text: string) => (index: number) => ({
  text: `${index}: ${text.repeat(Math.ceil(1_000 / text.length))}`,
});

const times = <T>(count: number, make: (index: number) => T): T[] => Array.from({ length: count }, (_, at) => make(at));

/** Values of many shapes, a new one for each entry. */
export const VALUE_KINDS: Readonly<Record<string, (index: number) => unknown>> = {
  number: (index) => index,
  '97 B object': parsed((index) => ({
    id: 100_000 + index,
    name: `Product ${index} of ninety-seven bytes, as in other measurements`,
    price: 12.55,
  })),
  '1 kB ASCII': parsed(letters(LATIN)),
  '1 kB UTF-16': parsed(letters(GREEK)),
  '100 numbers': parsed((index) => times(100, (at) => (index + at) * 1.5)),
  '100 flags': parsed((index) => Object.fromEntries(times(100, (at) => [`f${at}`, (index + at) % 2 === 0]))),
  '50 short strings': parsed((index) => times(50, (at) => `SKU-${index}-${at}`)),
  '9.9 kB of 112 objects': parsed((index) => withItems(112, index)),
  '1 MB of 10,870 objects': parsed((index) => withItems(10_870, index)),
};
