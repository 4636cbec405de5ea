import { expect, test } from 'bun:test';
import { BESIDE, LAST, partsOf, testFiles } from './parts.ts';
import { projectFiles } from './sources.ts';

const files = testFiles();

test('every test file of the project is found', () => {
  const named = projectFiles().filter((path) => /[._](?:test|spec)\.[cm]?[jt]sx?$/.test(path));
  expect(named.length).toBeGreaterThan(100);
  expect(files).toEqual(named);
});

test('every test file belongs to exactly one process', () => {
  const all = partsOf(files).flatMap((part) => part.files);
  expect(partsOf(files)).toHaveLength(2);
  expect(all.toSorted()).toEqual(files);
});

test('a folder that nobody has heard of is not beside, and not last', () => {
  const novel = ['tests/faults/a.test.ts', 'tests/novel/unit.test.ts', 'tests/unity/some.test.ts'];
  const [part, ...others] = partsOf(novel);
  expect(part).toMatchObject({ niceness: 0, files: [...novel.slice(1), 'tests/faults/a.test.ts'] });
  expect(others).toEqual([]);
});

test('the folders that are named are there', () => {
  const isThere = (folder: string) => files.some((path) => path.startsWith(`${folder}/`));
  expect([...BESIDE, ...LAST].filter((folder) => !isThere(folder))).toEqual([]);
});

test('words choose among the files, paths as they are typed as well', () => {
  const own = 'tests/support/parts.test.ts';
  expect(testFiles(['support/parts', 'no-such-word'])).toEqual([own]);
  expect(testFiles([`./${own}`])).toEqual([own]);
  expect(testFiles([`${import.meta.dirname}/parts.test.ts`])).toEqual([own]);
  expect(testFiles(['no-such-word'])).toEqual([]);
});
