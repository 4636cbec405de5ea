import { expect, test } from 'bun:test';
import { summarise } from './test-summary.ts';

test('the closing lines are counted, not what a test printed before', () => {
  const output = ' 99 pass\n(pass) something\n\n 24 pass\n 2 skip\n 3 fail\n 1 error\n 140 expect() calls\n';
  expect(summarise(output, 1)).toEqual({ passed: 24, failed: 4 });
  expect(summarise('\u001b[32m 7 pass\u001b[0m\n 0 fail\n', 0)).toEqual({ passed: 7, failed: 0 });
});

test('a run that crashed or ran nothing is a failure', () => {
  expect(summarise('', 0)).toEqual({ passed: 0, failed: 1 });
  expect(summarise(' 5 pass\n 0 fail\n', 132)).toEqual({ passed: 5, failed: 1 });
});
