import { expect, test } from 'bun:test';
import { failedTests } from './failed-tests.ts';

const RUN = `bun test v1.4.5

tests/unit/a.test.ts:
(pass) adds [0.10ms]
error: expect(received).toBe(expected)
      at tests/unit/a.test.ts:3:5
\u001b[31m(fail)\u001b[0m subtracts [0.20ms]
(pass) divides [0.10ms]

tests/unit/b.test.ts:
(pass) multiplies

 3 pass
 1 fail
`;

test('a failed test is named with its file and what it printed', () => {
  expect(failedTests(RUN)).toEqual([
    'tests/unit/a.test.ts:\nerror: expect(received).toBe(expected)\n      at tests/unit/a.test.ts:3:5\n(fail) subtracts [0.20ms]',
  ]);
});

test('a failed test whose name is repeated behind the last file is told once', () => {
  const closing = '\n1 tests failed:\n(fail) subtracts [0.20ms]\n\n 3 pass\n 1 fail\n';
  expect(failedTests(RUN + closing)).toEqual(failedTests(RUN));
});

test('an error outside of any test is named with its file', () => {
  const output =
    '\ntests/unit/c.test.ts:\n\n# Unhandled error between tests\n----\nerror: lost\n----\n\n 0 pass\n 1 error\n';
  expect(failedTests(output)).toEqual([
    expect.stringContaining('tests/unit/c.test.ts:\n# Unhandled error between tests\n----\nerror: lost'),
  ]);
});

test('only the end of a long output is repeated', () => {
  const long = Array.from({ length: 500 }, (_, line) => `line ${line}`).join('\n');
  const [failure] = failedTests(`tests/unit/d.test.ts:\n${long}\n(fail) talks [1ms]\n`);
  expect(failure?.split('\n')).toHaveLength(61);
  expect(failure).toEndWith('line 499\n(fail) talks [1ms]');
});

test('a run without a failure has none', () => {
  expect(failedTests('tests/unit/a.test.ts:\n(pass) adds\n\n 1 pass\n 0 fail\n')).toEqual([]);
});
