import { type CacheEvent, createCache, DEFAULTS, isCacheError, type Lookup } from 'tiercel';
import { lru } from 'tiercel/lru';
import { instrument } from 'tiercel/otel';
import { type ContractTest, createTestCache, localTierContract, type TestCache } from 'tiercel/testing';

/** Uses the types as a project does that has neither Node's nor Bun's; only checked, never run. */
const cache = createCache({
  name: 'typed',
  l1: lru({ maxEntries: 10 }),
  observers: [(event: CacheEvent) => event.type],
});
instrument(cache).detach();

const answer: Lookup<{ id: number } | null> = await cache.lookup('product:1', ({ signal, stale }) => {
  signal.throwIfAborted();
  return stale === undefined ? { id: 1 } : null;
});
export const id: number | undefined = answer.value?.id;
export const text: string = await cache.getOrSet('greeting', () => 'hello', { ttl: '1h', tags: (value) => [value] });
export const ttl: '1h' = DEFAULTS.ttl;

try {
  // @ts-expect-error A duration has a unit.
  await cache.set('greeting', 'hello', { ttl: '1 hour' });
} catch (error) {
  if (isCacheError(error)) error.code.toUpperCase();
}

const { clock, l2, loader }: TestCache = createTestCache({ defaults: { ttl: '1m' } });
const load = loader((key: number) => ({ key }));
load.fail(new Error('away'), { times: 2 });
l2.delay('80ms', { only: ['acquire', 'fill'], stage: 'reply' });
export const loaded: { key: number } = await clock.settle(load(1));
export const contract: ContractTest[] = localTierContract(lru);
// @ts-expect-error There is no such call.
l2.hang({ only: 'close' });
