import { afterAll, describe, expect, test } from 'bun:test';
import { MemoryServer, memoryLocalTier } from '../../../src/adapters/memory/index.ts';
import { createCache, isCacheError } from '../../../src/index.ts';
import { TestClock } from '../../../src/testing/index.ts';
import { KINDS, type Kind } from './kinds.ts';

type KindName = keyof typeof KINDS;

interface Call {
  /** A call that returns a promise rejects; the others throw. */
  readonly answers: 'promise' | 'value';
  readonly takes: readonly KindName[];
}

const promise = (...takes: readonly KindName[]): Call => ({ answers: 'promise', takes });
const value = (...takes: readonly KindName[]): Call => ({ answers: 'value', takes });

/** Every public method of a cache, and what it takes. A method that is not here fails the first test. */
const CALLS: Readonly<Record<string, Call>> = {
  getOrSet: promise('key', 'loader', 'readOptions'),
  lookup: promise('key', 'loader', 'readOptions'),
  get: promise('key'),
  peek: value('key'),
  peekLookup: value('key'),
  has: promise('key'),
  set: promise('key', 'value', 'writeOptions'),
  getMany: promise('keys'),
  getOrSetMany: promise('keys', 'manyLoader', 'readOptions'),
  lookupMany: promise('keys', 'manyLoader', 'readOptions'),
  setMany: promise('entries', 'writeOptions'),
  deleteMany: promise('keys', 'invalidateOptions'),
  delete: promise('key', 'invalidateOptions'),
  expire: promise('key', 'invalidateOptions'),
  invalidate: promise('request', 'invalidateOptions'),
  warm: promise('items', 'warmOptions'),
  clear: promise('invalidateOptions'),
  namespace: value('namespace'),
  inspect: promise('key'),
  count: promise('pattern'),
  stats: value(),
  health: value(),
  groupOf: value('key'),
  ready: promise('milliseconds'),
  forceBreaker: value('tier', 'breakerState'),
  attach: value('attachment'),
  close: promise(),
};

const clock = new TestClock();
const server = new MemoryServer({ clock });
const cache = createCache({ l1: memoryLocalTier(), l2: server.remoteTier('a'), clock });
afterAll(() => clock.settle(cache.close()));

const root: object = cache;
const nested: object = cache.namespace('inner');

function methodsOf(object: object): string[] {
  const names = new Set<string>();
  for (let proto = Object.getPrototypeOf(object); proto !== Object.prototype; proto = Object.getPrototypeOf(proto))
    for (const [name, { value: member }] of Object.entries(Object.getOwnPropertyDescriptors(proto)))
      if (name !== 'constructor' && typeof member === 'function') names.add(name);
  return [...names];
}

const goodOf = ({ takes }: Call): unknown[] => takes.map((kind) => KINDS[kind].good);

/** Calls, and says how the call ended. */
async function ended(
  receiver: object | undefined,
  name: string,
  given: readonly unknown[],
): Promise<{ how: 'throws' | 'rejects' | 'answers'; error?: unknown }> {
  const method: unknown = Reflect.get(receiver ?? root, name);
  if (typeof method !== 'function') throw new Error(`${name} is no method`);
  let answer: unknown;
  try {
    answer = Reflect.apply(method, receiver, given);
  } catch (error) {
    return { how: 'throws', error };
  }
  try {
    await clock.settle(Promise.resolve(answer));
    return { how: 'answers' };
  } catch (error) {
    return { how: 'rejects', error };
  }
}

test('every public method of a cache and of a namespace stands in the table', () => {
  expect(methodsOf(root).toSorted()).toEqual(Object.keys(CALLS).toSorted());
  expect(methodsOf(nested).filter((name) => !(name in CALLS))).toEqual([]);
});

for (const [where, receiver] of [
  ['a cache', root],
  ['a namespace', nested],
] as const) {
  describe(`${where} refuses`, () => {
    for (const [name, call] of Object.entries(CALLS)) {
      if (!(name in receiver)) continue;
      for (const [position, kindName] of call.takes.entries()) {
        const kind: Kind = KINDS[kindName];
        test(`what is no ${kindName} of ${name}`, async () => {
          for (const [bad, message] of kind.bad) {
            const given = goodOf(call);
            given[position] = bad;
            const { how, error } = await ended(receiver, name, given);
            const shown = { given: Bun.inspect(bad), how, isOurs: isCacheError(error), message: messageOf(error) };
            expect(shown).toEqual({
              given: Bun.inspect(bad),
              how: call.answers === 'promise' ? 'rejects' : 'throws',
              isOurs: true,
              message: expect.stringMatching(message),
            });
          }
        });
      }
    }
  });
}

describe('arguments that throw when they are read', () => {
  const error = new Error('not to be read');
  const throwing = (): never => {
    throw error;
  };
  /** The like of a good argument: each look at it throws. */
  const unreadable: Readonly<Partial<Record<KindName, readonly unknown[]>>> = Object.fromEntries(
    Object.entries(KINDS).flatMap(([kind, { good }]) => {
      if (typeof good !== 'object' || good === null) return [];
      const getters = Object.keys(good).map((name) => Object.defineProperty({ ...good }, name, { get: throwing }));
      const proxy = new Proxy(good, { get: throwing, has: throwing, ownKeys: throwing, getPrototypeOf: throwing });
      const inList = Array.isArray(good) ? [Object.defineProperty([...good], 0, { get: throwing })] : getters;
      return [[kind, [proxy, ...inList]]];
    }),
  );

  for (const [name, call] of Object.entries(CALLS)) {
    for (const [position, kindName] of call.takes.entries()) {
      for (const [index, given] of (unreadable[kindName] ?? []).entries()) {
        test(`are an error of ${name}, as its others are: ${kindName} ${index}`, async () => {
          const all = goodOf(call);
          all[position] = given;
          const outcome = await ended(root, name, all);
          expect({ how: outcome.how, isIt: outcome.error === error }).toEqual({
            how: call.answers === 'promise' ? 'rejects' : 'throws',
            isIt: true,
          });
        });
      }
    }
  }

  test('are one of a read of what L1 holds too', async () => {
    const options = new Proxy({}, { get: throwing });
    await clock.settle(cache.getOrSet('held', () => 1));
    for (const name of ['getOrSet', 'lookup'])
      expect(await ended(root, name, ['held', () => 1, options])).toEqual({ how: 'rejects', error });
  });
});

describe('a method that was taken off its cache', () => {
  for (const [name, call] of Object.entries(CALLS)) {
    test(`says so: ${name}`, async () => {
      const { how, error } = await ended(undefined, name, goodOf(call));
      expect({ how, message: messageOf(error) }).toEqual({
        how: call.answers === 'promise' ? 'rejects' : 'throws',
        message: expect.stringContaining(`cache.${name} was called without its cache`),
      });
      expect(error).toBeInstanceOf(TypeError);
    });
  }
});

test('good arguments are taken, and optional ones may be left out', async () => {
  for (const [name, call] of Object.entries(CALLS)) {
    if (name === 'close') continue;
    expect({ name, ...(await ended(root, name, goodOf(call))) }).toEqual({ name, how: 'answers' });
  }
  for (const name of ['getOrSet', 'set', 'delete', 'warm', 'clear'] as const) {
    const given = goodOf(CALLS[name] ?? value()).slice(0, -1);
    expect({ name, ...(await ended(root, name, given)) }).toEqual({ name, how: 'answers' });
  }
});

test('a key that is no text never finds the entry of the text that it becomes', async () => {
  const inner = cache.namespace('numbers');
  await clock.settle(inner.getOrSet('17', () => 'of the text'));
  const number = 17 as unknown as string;
  const error = await inner.getOrSet(number, () => 'of the number').catch((thrown: unknown) => thrown);
  expect(messageOf(error)).toMatch(/^The key 17 is not a string/);
  expect(() => inner.peek(number)).toThrow(/is not a string/);
});

test('a warm-up counts items that cannot be used as failed, and says why', async () => {
  const load = () => 1;
  for (const [item, message] of [
    [{ key: 17, loader: load }, /is not a string/],
    [{ key: 'k', load }, /^Option load is unknown/],
    [{ key: 'k', loader: load, options: { signal: AbortSignal.abort() } }, /option of the whole warm-up/],
    [{ key: 'k', loader: load, options: { ttl: 'x' } }, /^Option ttl/],
    ['k', /^Option item must be an object/],
  ] as const) {
    const result = await clock.settle(cache.warm([item as unknown as { key: string; loader: () => number }]));
    expect({ ...result, error: messageOf(result.error) }).toEqual({
      done: 1,
      fresh: 0,
      loaded: 0,
      failed: 1,
      aborted: false,
      error: expect.stringMatching(message),
    });
  }
});

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : `no error: ${String(error)}`;
}
