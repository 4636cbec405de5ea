import { expect, setDefaultTimeout, test } from 'bun:test';
import { spawnChild } from './child.ts';
import { sharedPostgres } from './postgres-server.ts';
import { sharedRedis } from './redis-server.ts';

setDefaultTimeout(60_000);

async function run(...args: string[]) {
  const env = { ...process.env, REDIS_URL: await sharedRedis(), DATABASE_URL: await sharedPostgres() };
  const runner = spawnChild({
    name: 'runner',
    command: [process.execPath, `${import.meta.dirname}/run.ts`, ...args],
    cwd: `${import.meta.dirname}/../..`,
    env,
  });
  const status = await runner.exited;
  return { status, output: runner.output(), lines: runner.output().trimEnd().split('\n') };
}

test('the runner passes filters on, uses the servers it is given, and ends with the counts', async () => {
  const { status, output, lines } = await run('--', 'support/test-summary');
  expect(lines).toContain('4 passed, 0 failed');
  expect(output).toContain('using the Redis of REDIS_URL');
  expect(output).toContain('Ran 4 tests across 1 file');
  expect(status).toBe(0);
});

test('tests of different kinds run in processes of their own, and are added up', async () => {
  const { status, output, lines } = await run('types/', 'soak/options', '-t', 'a lookup|has defaults');
  expect(lines).toContain('[test] the rest: 1 passed, 0 failed');
  expect(lines).toContain('[test] patient tests: 1 passed, 0 failed');
  expect(lines).toContain('2 passed, 0 failed');
  expect(output).toContain('filtered out');
  expect(status).toBe(0);
});

test('a run without tests is a failure', async () => {
  const { status, lines } = await run('no-such-test');
  expect(lines).toContain('0 passed, 1 failed');
  expect(status).toBe(2);
});
