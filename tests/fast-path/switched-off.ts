import { afterAll, mock } from 'bun:test';
import { resolve } from 'node:path';

const FAST_PATH = resolve(import.meta.dirname, '../../src/core/read/fast-path.ts');

let lookups = 0;

/** Preloaded before tests, this module takes the fast path away: each lookup that L1 does not answer takes the full path. */
mock.module(FAST_PATH, () => ({
  tryFastPath: () => {
    lookups += 1;
    return undefined;
  },
}));

afterAll(() => console.log(`${lookups} lookups without the fast path`));
