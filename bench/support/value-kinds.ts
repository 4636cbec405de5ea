import { BIG, MEDIUM, SMALL } from './values.ts';

/** A kilobyte of letters, of each script its own. */
const LATIN = 'The quick brown fox jumps over the lazy dog. ';
const GREEK = 'Ξεσκεπάζω την ψυχοφθόρα βδελυγμία του νου. ';
const HUNDRED = 100;

/** Parsed anew for each entry, as an answer of a database is: entries share nothing. */
const parsedFrom = (sample: unknown): (() => unknown) => {
  const text = JSON.stringify(sample);
  return () => JSON.parse(text);
};

const letters = (text: string) => (index: number) => `${index}: ${text.repeat(Math.ceil(1_000 / text.length))}`;

/** Values of many shapes, a new one for each entry. */
export const VALUE_KINDS: Readonly<Record<string, (index: number) => unknown>> = {
  number: (index) => index,
  '97 B object': parsedFrom(SMALL.value),
  '1 kB ASCII': (index) => ({ text: letters(LATIN)(index) }),
  '1 kB UTF-16': (index) => ({ text: letters(GREEK)(index) }),
  '100 numbers': parsedFrom(Array.from({ length: HUNDRED }, (_, index) => index * 1.5)),
  '100 flags': parsedFrom(Object.fromEntries(Array.from({ length: HUNDRED }, (_, index) => [`f${index}`, index % 2]))),
  '50 short strings': parsedFrom(Array.from({ length: HUNDRED / 2 }, (_, index) => `SKU-${1_000 + index}`)),
  '9.9 kB of 110 objects': parsedFrom(MEDIUM.value),
  '1 MB of 10,650 objects': parsedFrom(BIG.value),
};
