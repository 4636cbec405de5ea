import { expect, test } from 'bun:test';
import { RunProgress } from './run-progress.ts';

test('the progress of a run counts files and tests of several processes, however their output is cut', () => {
  const lines: string[] = [];
  let now = 1_000;
  const progress = new RunProgress(
    7,
    (line) => lines.push(line),
    () => now,
  );
  const [one, other] = [progress.reader(), progress.reader()];
  progress.tell();
  one('\ntests/a.test.ts:\n(pass) is go');
  other('tests/b.test.ts:\n\u001b[31m(fail)\u001b[0m is bad\n');
  one('od [1.00ms]\n(skip) is left out\n(pass) unfinish');
  now = 61_400;
  progress.tell();
  expect(lines).toEqual(['0 of 7 files begun, 0 tests done, 0 s', '2 of 7 files begun, 3 tests done, 1 failed, 60 s']);
});
