import { expect, setDefaultTimeout, test } from 'bun:test';
import { dirname, resolve } from 'node:path';
import { Redis } from 'ioredis';
import { findRedis } from '../support/binaries.ts';
import { spawnChild } from '../support/child.ts';
import { sharedRedis } from '../support/redis-server.ts';
import { removeFolder, temporaryFolder } from '../support/temporary-folder.ts';
import { SERVERS_TIME_LIMIT_MS } from '../support/time-limit.ts';

setDefaultTimeout(SERVERS_TIME_LIMIT_MS);

const ROOT = resolve(import.meta.dirname, '../..');

async function runExample(env: Readonly<Record<string, string>>) {
  const child = spawnChild({
    name: 'the example',
    command: [process.execPath, 'examples/stale-set-race/main.ts'],
    cwd: ROOT,
    env,
  });
  return { status: await child.exited, output: child.output() };
}

function expectRaces(output: string): void {
  const line = (begin: string) =>
    output
      .split('\n')
      .find((one) => one.trim().startsWith(begin))
      ?.split(/ {2,}/);
  expect(line('Now A answers')?.slice(-2)).toEqual(['10', '20']);
  expect(line('B answers')?.slice(-2)).toEqual(['10', '20']);
  expect(line('C, which has only Redis')?.slice(-2)).toEqual(['10', '20']);
  expect(line('and the database says')?.slice(-2)).toEqual(['20', '20']);
  // The load from before the change, and one after it: what A, B and C answer comes out of the cache.
  expect(line('Queries that all this took')?.slice(-2)).toEqual(['1', '2']);
  expect(line('Races that left an old price')?.slice(-2)).toEqual(['100', '0']);
  // It fits on one screen.
  const lines = output.trimEnd().split('\n');
  expect([lines.length <= 24, Math.max(...lines.map((one) => one.length)) <= 110]).toEqual([true, true]);
}

test('the example shows the race lost and won on the Redis of REDIS_URL, and leaves nothing there', async () => {
  const url = await sharedRedis();
  const { status, output } = await runExample({ REDIS_URL: url });
  expect([status, output]).toEqual([0, output]);
  expectRaces(output);
  const redis = new Redis(url);
  expect(await redis.keys('*stale-set-race-*')).toEqual([]);
  await redis.quit();
});

test('it brings a Redis of its own where redis-server is on the PATH', async () => {
  const { status, output } = await runExample({ PATH: dirname(findRedis() ?? '') });
  expect([status, output]).toEqual([0, output]);
  expectRaces(output);
});

test('it says in one sentence what is missing', async () => {
  const empty = temporaryFolder('empty-path');
  expect(await runExample({ PATH: empty })).toEqual({
    status: 1,
    output: 'This needs a Redis: install redis-server (7.0 or newer), or set REDIS_URL.\n',
  });
  removeFolder(empty);
});
