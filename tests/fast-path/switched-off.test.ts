import { expect, setDefaultTimeout, test } from 'bun:test';
import { resolve } from 'node:path';
import { spawnChild } from '../support/child.ts';

const ROOT = resolve(import.meta.dirname, '../..');
const PRELOAD = './tests/fast-path/switched-off.ts';

/** The tests take some 20 s of a processor, and give way to others. */
setDefaultTimeout(280_000);

test('every unit and scenario test of the core passes without the fast path too', async () => {
  const runner = spawnChild({
    name: 'the tests without the fast path',
    command: [
      process.execPath,
      'test',
      '--preload',
      PRELOAD,
      '--timeout',
      '120000',
      'tests/unit/core',
      'tests/scenario',
    ],
    cwd: ROOT,
  });
  const status = await runner.exited;
  const output = runner.output();
  if (status !== 0) throw new Error(`Tests fail without the fast path:\n${output}`);
  expect(Number(output.match(/(\d+) lookups without the fast path/)?.[1])).toBeGreaterThan(1_000);
  expect(Number(output.match(/^ *(\d+) pass$/m)?.[1])).toBeGreaterThan(1_000);
});
