import type { ManyLoaderContext } from '../../src/index.ts';

/** What a loader of many keys brings. */
export type Rows = readonly (readonly [key: string, value: string])[];

/** So many keys. */
export const keys = (count: number): string[] => Array.from({ length: count }, (_, index) => `k${index}`);

/**
 * A loader that answers each key with its own name.
 * @param asked Filled with what each call was asked for.
 */
export function namesOf(asked: string[][] = [], value = (key: string): string => `value of ${key}`) {
  return ({ keys: wanted }: Pick<ManyLoaderContext, 'keys'>): Rows => {
    asked.push([...wanted]);
    return wanted.map((key) => [key, value(key)] as const);
  };
}
