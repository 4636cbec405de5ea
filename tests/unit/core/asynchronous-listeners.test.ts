import { expect, test } from 'bun:test';
import { lru } from '../../../src/adapters/lru/index.ts';
import { createCache } from '../../../src/index.ts';

/** A hook that is an asynchronous function, where a synchronous one is wanted, and fails. */
const failing = async (): Promise<never> => {
  throw new Error('a listener fails');
};

test('what an asynchronous listener rejects with is handled: on Node it would end the process', async () => {
  const rejections: unknown[] = [];
  const take = (error: unknown): void => void rejections.push(error);
  process.on('unhandledRejection', take);
  const told: unknown[] = [];
  const cache = createCache({
    name: 'asynchronous-listeners',
    l1: lru({ sizeOf: failing as unknown as () => number }),
    observers: [failing],
    onError: (failure) => {
      told.push(failure.error);
      return failing();
    },
    source: { isFailure: failing as unknown as () => boolean },
  });
  expect(await cache.getOrSet('k', () => 1)).toBe(1);
  const refused = cache.getOrSet('l', () => Promise.reject(new Error('the source fails')));
  await expect(refused).rejects.toThrow('the source fails');
  await cache.warm([{ key: 'm', loader: () => 1 }], { onProgress: failing });
  await cache.close();
  // Rejections are told of behind the microtasks of the turn.
  await new Promise((resolve) => setImmediate(resolve));
  process.off('unhandledRejection', take);
  expect(rejections).toEqual([]);
  expect(told.map(String).join('\n')).toContain('sizeOf');
  expect(told.map(String).join('\n')).toContain('source.isFailure');
});
