import { expect, test } from 'bun:test';
import { testFiles } from './parts.ts';
import { readProjectFile, readSources } from './sources.ts';

const EFFORT = 'tests/support/effort.ts';

test('every test that makes less effort in the quick run is played by the long one', () => {
  const { scripts } = JSON.parse(readProjectFile('package.json'));
  const words: string = scripts['test:long'].split('TIERCEL_TEST_LONG=1 bun tests/support/run.ts ')[1];
  const saving = readSources()
    .filter(({ path, imports }) => /^tests\/.*\.test\.ts$/.test(path) && imports.some(({ file }) => file === EFFORT))
    .map(({ path }) => path);
  expect(saving).not.toEqual([]);
  expect(testFiles(words.split(' '))).toEqual(saving);
});
