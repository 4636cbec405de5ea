import { expect, test } from 'bun:test';
import type { ChainableCommander, Redis } from 'ioredis';
import { Batch } from '../../../src/adapters/redis/connection/auto-pipeline.ts';

/** A client that answers each command of a pipeline with its place in it. */
function client(): Redis {
  const pipeline = () => {
    let commands = 0;
    return {
      get: () => {
        commands += 1;
      },
      exec: async () => Array.from({ length: commands }, (_, place) => [null, place]),
    };
  };
  return { options: {}, pipeline } as unknown as Redis;
}

const get = (commander: ChainableCommander): unknown => commander.get('k');

function fail(): never {
  throw new Error('Cannot be written');
}

test('a command that cannot be written rejects alone, and each of the others has its own reply', async () => {
  const batch = new Batch(client());
  const sent = await Promise.allSettled([batch.send(get), batch.send(fail), batch.send(get), batch.send(get)]);
  expect(sent.map((each) => (each.status === 'fulfilled' ? each.value : String(each.reason)))).toEqual([
    0,
    'Error: Cannot be written',
    1,
    2,
  ]);
});

test('what throws before a packet is sent, or when it is closed, keeps neither that packet nor the next from being sent', async () => {
  const batch = new Batch(client());
  const told: string[] = [];
  batch.beforeSending(fail);
  batch.beforeSending(() => told.push('before'));
  batch.onClosed(fail);
  batch.onClosed(() => told.push('closed'));
  expect(await Promise.all([batch.send(get), batch.send(get)])).toEqual([0, 1]);
  expect(told).toEqual(['before', 'closed']);
  expect(await Promise.all([batch.send(get), batch.send(get)])).toEqual([0, 1]);
});

test('what is to run before a packet may bring more that runs before the same packet', async () => {
  const batch = new Batch(client());
  const told: string[] = [];
  batch.beforeSending(() => {
    told.push('first');
    batch.beforeSending(() => told.push('brought'));
  });
  expect(await Promise.all([batch.send(get), batch.send(get)])).toEqual([0, 1]);
  expect(told).toEqual(['first', 'brought']);
});
