import { expect, test } from 'bun:test';
import { readSources, type Source } from './sources.ts';

/** The module that starts every process of the tests. */
const CHILD = 'tests/support/child.ts';

const sources = new Map(readSources().map((source) => [source.path, source]));

test('a test file that starts servers or processes sets a limit for its hooks and tests', () => {
  const starting = [...sources.values()].filter(({ path }) => path.endsWith('.test.ts') && leadsTo(path, CHILD));
  const unlimited = starting.filter(({ bare }) => !/^setDefaultTimeout\(/m.test(bare));
  expect(starting.length).toBeGreaterThan(100);
  expect(unlimited.map(({ path }) => path)).toEqual([]);
});

/** True if the file imports the other one, or imports what imports it. */
function leadsTo(path: string, wanted: string, seen = new Set<string>()): boolean {
  if (path === wanted) return true;
  seen.add(path);
  const imports: Source['imports'] = sources.get(path)?.imports ?? [];
  return imports.some(({ file }) => file !== undefined && !seen.has(file) && leadsTo(file, wanted, seen));
}
