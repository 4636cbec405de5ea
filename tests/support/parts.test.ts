import { expect, test } from 'bun:test';
import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { BESIDE, partsOf, testFiles } from './parts.ts';
import { projectFiles, readSources } from './sources.ts';

const files = testFiles();

test('every test file of the project is found', () => {
  const named = projectFiles().filter((path) => /[._](?:test|spec)\.[cm]?[jt]sx?$/.test(path));
  expect(named.length).toBeGreaterThan(100);
  expect(files).toEqual(named);
});

test('every test file belongs to exactly one process', () => {
  const all = partsOf(files).flatMap((part) => part.files);
  expect(all.toSorted()).toEqual(files);
});

test('a folder that nobody has heard of belongs to the tests with servers', () => {
  const [part, ...others] = partsOf(['tests/novel/unit.test.ts', 'tests/unity/some.test.ts']);
  expect(part).toMatchObject({ givesWay: false, files: ['tests/novel/unit.test.ts', 'tests/unity/some.test.ts'] });
  expect(others).toEqual([]);
});

test('the folders beside are there, and start nothing', () => {
  expect(BESIDE.filter((folder) => !existsSync(resolve(import.meta.dirname, '../..', folder)))).toEqual([]);
  const starters = /^tests\/support\/(?:child|redis-server|postgres-server|service-process|tcp-proxy)\.ts$/;
  const sources = readSources().filter(({ path }) => BESIDE.some((folder) => path.startsWith(`${folder}/`)));
  const starting = sources.filter(({ imports }) =>
    imports.some(({ file }) => file !== undefined && starters.test(file)),
  );
  expect(starting.map(({ path }) => path)).toEqual([]);
});

test('words choose among the files, paths as they are typed as well', () => {
  const own = 'tests/support/parts.test.ts';
  expect(testFiles(['support/parts', 'no-such-word'])).toEqual([own]);
  expect(testFiles([`./${own}`])).toEqual([own]);
  expect(testFiles([`${import.meta.dirname}/parts.test.ts`])).toEqual([own]);
  expect(testFiles(['no-such-word'])).toEqual([]);
});
