import { expect, test } from 'bun:test';
import { FIGURES, FLEETS, PATIENT, partsOf, testFiles } from './parts.ts';
import { projectFiles } from './sources.ts';

const files = testFiles();

test('every test file of the project is found', () => {
  const named = projectFiles().filter((path) => /[._](?:test|spec)\.[cm]?[jt]sx?$/.test(path));
  expect(named.length).toBeGreaterThan(100);
  expect(files).toEqual(named);
});

test('every test file belongs to exactly one process', () => {
  const all = partsOf(files).flatMap((part) => part.files);
  expect(partsOf(files)).toHaveLength(4);
  expect(all.toSorted()).toEqual(files);
});

test('a folder that nobody has heard of gives way to nobody', () => {
  const novel = ['tests/novel/unit.test.ts', 'tests/unity/some.test.ts'];
  expect(partsOf(novel)).toMatchObject([{ name: 'the rest', niceness: 0, files: novel }]);
});

test('figures are judged when every other test has ended, the load of a thousand users last', () => {
  const parts = partsOf([
    'tests/acceptance/a.ts',
    'tests/faults/a.ts',
    'tests/faults/redis-faults.test.ts',
    'tests/integration/fleet.test.ts',
    'tests/integration/z.ts',
  ]);
  expect(parts).toMatchObject([
    { name: 'fleets', files: ['tests/faults/a.ts'] },
    { name: 'the rest', files: ['tests/integration/z.ts'] },
    {
      name: 'figures',
      isAlone: true,
      files: ['tests/integration/fleet.test.ts', 'tests/faults/redis-faults.test.ts', 'tests/acceptance/a.ts'],
    },
  ]);
});

test('the places that are named are there', () => {
  const isThere = (place: string) => files.some((path) => path.startsWith(place));
  expect([...FIGURES, ...FLEETS, ...PATIENT].filter((place) => !isThere(place))).toEqual([]);
});

test('words choose among the files, paths as they are typed as well', () => {
  const own = 'tests/support/parts.test.ts';
  expect(testFiles(['support/parts', 'no-such-word'])).toEqual([own]);
  expect(testFiles([`./${own}`])).toEqual([own]);
  expect(testFiles([`${import.meta.dirname}/parts.test.ts`])).toEqual([own]);
  expect(testFiles(['no-such-word'])).toEqual([]);
});
