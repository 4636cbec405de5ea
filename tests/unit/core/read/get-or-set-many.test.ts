import { describe, expect, test } from 'bun:test';
import {
  InvalidKeyError,
  InvalidOptionError,
  LoadTimeoutError,
  type ManyLoaderContext,
} from '../../../../src/index.ts';
import { overriding } from '../../../../src/testing/chaos/overriding.ts';
import { Fleet, type Member, roundTrips } from '../../../support/core-fixture.ts';
import { HeldLoads } from '../../../support/held-loads.ts';
import { keys, namesOf, type Rows } from '../../../support/many-rows.ts';
import { watch } from '../../../support/watch.ts';

/** Loads that the test ends by hand, and which keys each was for. */
function held() {
  const loads = new HeldLoads<Rows>();
  const asked: string[][] = [];
  const loader = (context: ManyLoaderContext): Promise<Rows> => {
    asked.push([...context.keys]);
    return loads.loader(context);
  };
  return { loads, asked, loader };
}

const operationsOf = ({ calls }: Member): string[] => calls.map(({ operation }) => operation);

describe('a call for many keys', () => {
  test('loads what no tier holds in one call, and answers in the order asked', () => {
    const fleet = new Fleet({ instances: 2 });
    const asked: string[][] = [];
    const names = keys(5);
    const reversed = (context: ManyLoaderContext): Rows => namesOf(asked)(context).toReversed();
    const values = fleet.settle(fleet.cache().getOrSetMany([...names, 'k1'], reversed));
    expect(values).toEqual([...names, 'k1'].map((key) => `value of ${key}`));
    expect(asked).toEqual([names]);
    for (const key of names) {
      expect(fleet.cache().peek<string>(key)).toBe(`value of ${key}`);
      expect(fleet.settle(fleet.cache(1).get<string>(key))).toBe(`value of ${key}`);
    }
    expect(fleet.cache().stats()).toMatchObject({ misses: 5, loads: 1 });
  });

  test('is two round trips and the load where all is missing, one where L2 has all, none where L1 has', () => {
    const fleet = new Fleet({ instances: 2 });
    const [one, two] = [fleet.member(0), fleet.member(1)];
    const read = ({ cache }: Member) => fleet.settle(cache.getOrSetMany(keys(3), namesOf()));
    read(one);
    expect(roundTrips(one)).toBe(2);
    expect(operationsOf(one)).toEqual(['acquireMany', 'tagGenerations', 'fill', 'fill', 'fill']);
    read(two);
    expect([roundTrips(two), operationsOf(two)]).toEqual([1, ['acquireMany', 'tagGenerations']]);
    two.calls.length = 0;
    read(two);
    expect(roundTrips(two)).toBe(0);
  });

  test('reads the generations of all tags that are not known in one command', () => {
    const fleet = new Fleet({ instances: 2 });
    const tags = { tags: (value: string | null) => [String(value).replace('value of ', 'tag:')] };
    fleet.settle(fleet.cache(0).getOrSetMany(keys(20), namesOf(), tags));
    fleet.settle(fleet.cache(1).getOrSetMany(keys(20), namesOf(), tags));
    const { calls } = fleet.member(1);
    expect(calls.map(({ operation }) => operation)).toEqual(['acquireMany', 'tagGenerations', 'tagGenerations']);
    expect([calls[2]?.names.split(' ').length, roundTrips(fleet.member(1))]).toEqual([20, 2]);
    // Those of the loaded values as well: the lease and the root's generation, then the tags, then the fills.
    expect(roundTrips(fleet.member(0))).toBe(3);
    const read = operationsOf(fleet.member(0)).filter((operation) => operation === 'tagGenerations');
    expect(read).toHaveLength(2);
  });

  test('shares each key with the callers of that key alone, whichever came first', () => {
    const fleet = new Fleet();
    const [alone, after] = [new HeldLoads<string>(), new HeldLoads<string>()];
    const { loads, asked, loader } = held();
    const before = watch(fleet.cache().getOrSet('a', alone.loader));
    fleet.run(5);
    const many = watch(fleet.cache().getOrSetMany(['a', 'b', 'c'], loader));
    const other = watch(fleet.cache().getOrSetMany(['c', 'd'], loader));
    fleet.run(5);
    const joined = watch(fleet.cache().getOrSet('b', after.loader));
    fleet.run(5);
    expect(asked).toEqual([['b', 'c'], ['d']]);
    expect([alone.count, after.count]).toEqual([1, 0]);
    loads.answer(
      [
        ['b', 'B'],
        ['c', 'C'],
      ],
      0,
    );
    loads.answer([['d', 'D']], 1);
    fleet.run(5);
    expect([joined.value(), other.value(), many.state]).toEqual(['B', ['C', 'D'], 'pending']);
    alone.answer('A');
    fleet.run(5);
    expect([before.value(), many.value()]).toEqual(['A', ['A', 'B', 'C']]);
    expect(fleet.cache().stats()).toMatchObject({ collapsed: 3 });
  });

  test('does not wait with the load for a key whose lease another process holds, and takes its value', () => {
    const fleet = new Fleet({ instances: 2 });
    const elsewhere = new HeldLoads<string>();
    const { loads, asked, loader } = held();
    watch(fleet.cache(1).getOrSet('a', elsewhere.loader));
    fleet.run(5);
    const many = watch(fleet.cache(0).getOrSetMany(['a', 'b'], loader));
    fleet.run(20);
    expect(asked).toEqual([['b']]);
    loads.answer([['b', 'B']]);
    fleet.run(20);
    expect([many.state, fleet.cache(0).peek<string>('b')]).toEqual(['pending', 'B']);
    elsewhere.answer('A');
    fleet.run(100);
    expect(many.value()).toEqual(['A', 'B']);
  });

  test('calls the loader again for a key whose other holder has failed', () => {
    const fleet = new Fleet({ instances: 2 });
    const elsewhere = new HeldLoads<string>();
    const asked: string[][] = [];
    const failing = fleet.cache(1).getOrSet('a', elsewhere.loader);
    const failure = watch(failing);
    fleet.run(5);
    const many = watch(fleet.cache(0).getOrSetMany(['a', 'b'], namesOf(asked)));
    fleet.run(20);
    elsewhere.fail(new Error('its database is away'));
    fleet.run(100);
    expect(failure.state).toBe('rejected');
    expect(many.value()).toEqual(['value of a', 'value of b']);
    expect(asked).toEqual([['b'], ['a']]);
  });

  test('ends the load when no caller waits for any of its keys any more, and not before', () => {
    const fleet = new Fleet();
    const { loads, loader } = held();
    const leaving = new AbortController();
    const many = watch(fleet.cache().getOrSetMany(['a', 'b'], loader, { signal: leaving.signal }));
    fleet.run(5);
    const staying = new AbortController();
    const other = watch(fleet.cache().getOrSet('b', () => 'never', { signal: staying.signal }));
    fleet.run(5);
    leaving.abort(new Error('gone'));
    fleet.run(5);
    expect(() => many.value()).toThrow('gone');
    expect(loads.signal().aborted).toBe(false);
    staying.abort(new Error('gone too'));
    fleet.run(5);
    expect(() => other.value()).toThrow('gone too');
    expect(loads.signal().aborted).toBe(true);
    expect(fleet.settle(fleet.cache().getOrSetMany(['a', 'b'], namesOf()))).toHaveLength(2);
  });

  test('listens to the signal of its caller once, however many keys there are, and not any more when it has answered', () => {
    const fleet = new Fleet();
    const { signal } = new AbortController();
    const listeners: unknown[] = [];
    const watched = overriding(signal, {
      addEventListener: (_type: string, listener: unknown) => void listeners.push(listener),
      removeEventListener: (_type: string, listener: unknown) => void listeners.splice(listeners.indexOf(listener), 1),
    });
    const { loads, loader } = held();
    const many = watch(fleet.cache().getOrSetMany(keys(20), loader, { signal: watched }));
    fleet.run(5);
    expect(listeners).toHaveLength(1);
    loads.answer([]);
    fleet.run(5);
    expect([many.state, listeners]).toEqual(['fulfilled', []]);
  });

  test('keeps loading a key without waiting callers while other keys of the load have some', () => {
    const fleet = new Fleet();
    const { loads, loader } = held();
    const leaving = new AbortController();
    const many = watch(fleet.cache().getOrSetMany(['a', 'b'], loader, { signal: leaving.signal }));
    fleet.run(5);
    const other = watch(fleet.cache().getOrSet('b', () => 'never'));
    fleet.run(5);
    leaving.abort(new Error('gone'));
    fleet.run(5);
    const back = watch(fleet.cache().getOrSet('a', () => 'never'));
    fleet.run(5);
    loads.answer(['a', 'b'].map((key) => [key, key] as const));
    fleet.run(5);
    expect([many.state, back.value(), other.value()]).toEqual(['rejected', 'a', 'b']);
    expect(fleet.cache().stats()).toMatchObject({ loads: 1 });
  });

  test('gives up at hardTimeout, and answers stale at softTimeout', () => {
    const fleet = new Fleet({ defaults: { ttl: '1s', staleIfError: '1h', l1Ttl: '1h' } });
    const { loads, loader } = held();
    const error = fleet.failure(fleet.cache().getOrSetMany(['a', 'b'], loader, { hardTimeout: 100 }));
    expect(error).toBeInstanceOf(LoadTimeoutError);
    expect(loads.signal().aborted).toBe(true);
    fleet.settle(fleet.cache().getOrSetMany(['a', 'b'], namesOf()));
    fleet.run(2_000);
    const soft = fleet.cache().getOrSetMany(['a', 'b'], loader, { softTimeout: 20 });
    expect(fleet.settle(soft)).toEqual(['value of a', 'value of b']);
    loads.answer([
      ['a', 'A'],
      ['b', 'B'],
    ]);
    fleet.run(5);
    expect(fleet.cache().peek<string>('a')).toBe('A');
  });

  test('is one load among those that the source is given at once', () => {
    const fleet = new Fleet({ maxLoads: 1 });
    const { loads, asked, loader } = held();
    const one = watch(fleet.cache().getOrSetMany(keys(3), loader));
    fleet.run(5);
    const two = watch(fleet.cache().getOrSetMany(['a', 'b'], loader));
    fleet.run(5);
    expect(asked).toEqual([keys(3)]);
    expect(fleet.cache().health().source).toMatchObject({ running: 1, waiting: 1 });
    loads.answer(keys(3).map((key) => [key, key] as const));
    fleet.run(5);
    loads.answer([]);
    fleet.run(5);
    expect([one.value(), two.value()]).toEqual([keys(3), [null, null]]);
  });

  test('refreshes behind the answer all that is stale, in L1 or in L2, with one load', () => {
    const fleet = new Fleet({ instances: 2, defaults: { ttl: '1s', staleWhileRevalidate: '1h', l1Ttl: '1h' } });
    fleet.settle(fleet.cache(0).getOrSetMany(keys(4), namesOf()));
    fleet.settle(fleet.cache(1).getOrSetMany(['k0', 'k1'], namesOf()));
    fleet.run(2_000);
    const asked: string[][] = [];
    const fresh = namesOf(asked, () => 'new');
    const values = fleet.settle(fleet.cache(1).getOrSetMany([...keys(4), 'k9'], fresh));
    expect(values).toEqual([...keys(4).map((key) => `value of ${key}`), 'new']);
    fleet.run(20);
    expect(asked).toEqual([['k9'], keys(4)]);
    for (const key of keys(4)) expect(fleet.cache(1).peek<string>(key)).toBe('new');
  });

  test('with forceFresh loads all keys anew, and joins no flight', () => {
    const fleet = new Fleet();
    const asked: string[][] = [];
    fleet.settle(fleet.cache().getOrSetMany(keys(3), namesOf()));
    const options = { forceFresh: true };
    const values = fleet.settle(
      fleet.cache().getOrSetMany(
        keys(3),
        namesOf(asked, () => 'new'),
        options,
      ),
    );
    expect([values, asked]).toEqual([['new', 'new', 'new'], [keys(3)]]);
    expect(fleet.settle(fleet.cache().getOrSetMany(keys(3), namesOf()))).toEqual(['new', 'new', 'new']);
  });

  test('goes to the source while L2 is away, and without an L2', () => {
    for (const fleet of [new Fleet(), new Fleet({ tiers: 'l1' })]) {
      if (fleet.member().calls !== undefined) fleet.member().l2.fail();
      const asked: string[][] = [];
      expect(fleet.settle(fleet.cache().getOrSetMany(keys(3), namesOf(asked)))).toHaveLength(3);
      expect(asked).toEqual([keys(3)]);
      expect(fleet.cache().peek<string>('k0')).toBe('value of k0');
    }
  });

  test('is of one namespace', () => {
    const fleet = new Fleet();
    const inside = fleet.cache().namespace('n');
    fleet.settle(inside.getOrSetMany(['a'], namesOf()));
    expect([inside.peek<string>('a'), fleet.cache().peek('a')]).toEqual(['value of a', undefined]);
    fleet.settle(inside.clear());
    expect(inside.peek('a')).toBeUndefined();
  });

  test('takes up to 10,000 good keys, and nothing that is none', () => {
    const fleet = new Fleet();
    const refuse = (given: unknown) => fleet.failure(fleet.cache().getOrSetMany(given as string[], namesOf()));
    for (const given of ['a', undefined, new Set(['a']), keys(10_001)]) {
      expect(refuse(given)).toBeInstanceOf(InvalidOptionError);
      expect(refuse(given)).toMatchObject({ option: 'keys' });
    }
    expect(refuse(['a', ''])).toBeInstanceOf(InvalidKeyError);
    const loader = 'no loader' as unknown as () => Rows;
    expect(fleet.failure(fleet.cache().getOrSetMany(['a'], loader))).toMatchObject({ option: 'loader' });
    expect(
      fleet.settle(
        fleet
          .cache()
          .getOrSetMany([], loader as never)
          .catch(() => 'refused'),
      ),
    ).toBe('refused');
    expect(fleet.settle(fleet.cache().getOrSetMany([], namesOf()))).toEqual([]);
    const alone = new Fleet({ tiers: 'l1' });
    expect(alone.settle(alone.cache().getOrSetMany(keys(10_000), namesOf()))).toHaveLength(10_000);
  });
});
