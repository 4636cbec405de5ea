import { expect, test } from 'bun:test';
import { AsyncLocalStorage } from 'node:async_hooks';
import { asyncStorage, detached } from '../../../../src/core/primitives/async-context.ts';

test('detached work sees no context of its caller, nor does what it goes on to do', async () => {
  const caller = new AsyncLocalStorage<string>();
  const seen = await caller.run('a caller', () =>
    detached(async () => {
      const at = [caller.getStore()];
      await Promise.resolve();
      at.push(caller.getStore());
      return at;
    }),
  );
  expect(seen).toEqual([undefined, undefined]);
});

test('detached work leaves its caller in its own context', () => {
  const caller = new AsyncLocalStorage<string>();
  caller.run('a caller', () => {
    detached(() => undefined);
    expect(caller.getStore()).toBe('a caller');
  });
});

test('a storage carries a value along the calls that follow', async () => {
  const storage = asyncStorage<number>();
  const seen = await storage?.run(1, async () => {
    await Promise.resolve();
    return storage.getStore();
  });
  expect(seen).toBe(1);
  expect(storage?.getStore()).toBeUndefined();
});
