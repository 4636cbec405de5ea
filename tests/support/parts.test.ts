import { expect, test } from 'bun:test';
import { FLEETS, PATIENT, partsOf, testFiles } from './parts.ts';
import { projectFiles } from './sources.ts';

const files = testFiles();

test('every test file of the project is found', () => {
  const named = projectFiles().filter((path) => /[._](?:test|spec)\.[cm]?[jt]sx?$/.test(path));
  expect(named.length).toBeGreaterThan(100);
  expect(files).toEqual(named);
});

test('every test file belongs to exactly one process', () => {
  const all = partsOf(files).flatMap((part) => part.files);
  expect(partsOf(files)).toHaveLength(3);
  expect(all.toSorted()).toEqual(files);
});

test('a folder that nobody has heard of gives way to nobody', () => {
  const novel = ['tests/novel/unit.test.ts', 'tests/unity/some.test.ts'];
  expect(partsOf(novel)).toMatchObject([{ name: 'the rest', niceness: 0, files: novel }]);
});

test('figures are judged last', () => {
  const [fleets] = partsOf([
    'tests/acceptance/a.ts',
    'tests/faults/a.ts',
    'tests/integration/fleet.test.ts',
    'tests/integration/z.ts',
  ]);
  expect(fleets?.files).toEqual([
    'tests/integration/z.ts',
    'tests/integration/fleet.test.ts',
    'tests/faults/a.ts',
    'tests/acceptance/a.ts',
  ]);
});

test('the places that are named are there', () => {
  const isThere = (place: string) => files.some((path) => path.startsWith(place));
  expect([...FLEETS, ...PATIENT].filter((place) => !isThere(place))).toEqual([]);
});

test('words choose among the files, paths as they are typed as well', () => {
  const own = 'tests/support/parts.test.ts';
  expect(testFiles(['support/parts', 'no-such-word'])).toEqual([own]);
  expect(testFiles([`./${own}`])).toEqual([own]);
  expect(testFiles([`${import.meta.dirname}/parts.test.ts`])).toEqual([own]);
  expect(testFiles(['no-such-word'])).toEqual([]);
});
