import { expect, test } from 'bun:test';
import { summarise, sumUp } from './test-summary.ts';

test('the closing lines are counted, not what a test printed before', () => {
  const output = ' 99 pass\n(pass) something\n\n 24 pass\n 2 skip\n 3 fail\n 1 error\n 140 expect() calls\n';
  expect(summarise(output, 1)).toEqual({ passed: 24, failed: 4 });
  expect(summarise('\u001b[32m 7 pass\u001b[0m\n 0 fail\n', 0)).toEqual({ passed: 7, failed: 0 });
});

test('a run that crashed or ran nothing is a failure', () => {
  expect(summarise('', 0)).toEqual({ passed: 0, failed: 1 });
  expect(summarise(' 5 pass\n 0 fail\n', 132)).toEqual({ passed: 5, failed: 1 });
});

test('a run without a test of the name that was asked for is neither a success nor a failure', () => {
  const output = '\n\u001b[31merror\u001b[0m: regex "a b" matched 0 tests. Searched 1 file (skipping 2 tests) [14ms]\n';
  expect(summarise(output, 1)).toEqual({ passed: 0, failed: 0 });
});

test('runs are added up, and no test at all is a failure', () => {
  expect(
    sumUp([
      { passed: 3, failed: 1 },
      { passed: 4, failed: 2 },
    ]),
  ).toEqual({ passed: 7, failed: 3 });
  expect(sumUp([{ passed: 0, failed: 0 }])).toEqual({ passed: 0, failed: 1 });
  expect(sumUp([])).toEqual({ passed: 0, failed: 1 });
});
