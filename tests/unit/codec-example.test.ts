import { expect, setDefaultTimeout, test } from 'bun:test';
import { resolve } from 'node:path';
import { spawnChild } from '../support/child.ts';
import { SERVERS_TIME_LIMIT_MS } from '../support/time-limit.ts';

setDefaultTimeout(SERVERS_TIME_LIMIT_MS);

test('the example of a codec hands out dates and maps, from the source and from L2', async () => {
  const child = spawnChild({
    name: 'the example',
    command: [process.execPath, 'examples/codec/main.ts'],
    cwd: resolve(import.meta.dirname, '../..'),
  });
  expect([await child.exited, child.output()]).toEqual([
    0,
    [
      'instance 1, from source: 2026, 1152921504606846976 readers',
      'instance 2, from l2: 2026, 1152921504606846976 readers',
      '',
    ].join('\n'),
  ]);
});
