import { describe, expect, test } from 'bun:test';
import * as devalue from 'devalue';
import superjson, { type SuperJSONResult } from 'superjson';
import { lru } from '../../../../src/adapters/lru/index.ts';
import { bytesOf, CodecError, createCache, InvalidValueError, type ValueCodec } from '../../../../src/index.ts';
import { Fleet } from '../../../support/core-fixture.ts';

const CODECS: Readonly<Record<string, ValueCodec>> = {
  superjson: {
    encode: (value) => superjson.serialize(value),
    decode: (json) => superjson.deserialize(json as SuperJSONResult),
  },
  devalue: { encode: (value) => devalue.stringify(value), decode: (json) => devalue.parse(String(json)) },
};

const article = () => ({
  at: new Date(86_400_000),
  readers: new Map([['a', 2n ** 60n]]),
  tags: new Set(['x']),
  home: new URL('https://example.org/'),
  nested: [{ when: new Date(0), none: null }],
});

/** Counts what it is asked. */
function counting(codec: ValueCodec = codecOf('devalue')) {
  const counts = { encoded: 0, decoded: 0 };
  const counted: ValueCodec = {
    encode(value) {
      counts.encoded += 1;
      return codec.encode(value);
    },
    decode(json) {
      counts.decoded += 1;
      return codec.decode(json);
    },
  };
  return { codec: counted, counts };
}

function codecOf(name: string): ValueCodec {
  const codec = CODECS[name];
  if (codec === undefined) throw new Error(`There is no codec ${name}`);
  return codec;
}

const never = (): never => {
  throw new Error('loaded again');
};

for (const [name, codec] of Object.entries(CODECS)) {
  describe(`with ${name} as its codec a cache`, () => {
    test('hands out what was loaded, from every tier and by every call', () => {
      const fleet = new Fleet({ instances: 2, codec });
      const [here, there] = [fleet.cache(0), fleet.cache(1)];
      const wanted = article();
      const answers = [
        fleet.settle(here.getOrSet('k', article)),
        fleet.settle(here.getOrSet('k', never)),
        fleet.settle(there.lookup('k', never)).value,
        fleet.settle(there.get('k')),
        there.peek('k'),
        there.peekLookup('k')?.value,
        ...fleet.settle(there.getMany(['k'])),
        ...fleet.settle(there.getOrSetMany(['k'], never)),
        ...fleet.settle(there.lookupMany(['k'], never)).map(({ value }) => value),
      ];
      for (const answer of answers) expect(answer as unknown).toEqual(wanted);
    });

    test('stores what is set, in namespaces too, and null as null', () => {
      const fleet = new Fleet({ instances: 2, codec });
      fleet.settle(fleet.cache(0).namespace('n').set('k', article()));
      fleet.settle(
        fleet.cache(0).setMany(
          new Map<string, unknown>([
            ['a', article()],
            ['none', null],
          ]),
        ),
      );
      expect(fleet.settle(fleet.cache(1).namespace('n').get('k')) as unknown).toEqual(article());
      expect(fleet.settle(fleet.cache(1).getMany(['a', 'none'])) as unknown).toEqual([article(), null]);
    });
  });
}

describe('a codec', () => {
  test('encodes once for each load, and decodes once for each load and each read from L2', () => {
    const { codec, counts } = counting();
    const fleet = new Fleet({ instances: 2, codec });
    const load = () => ({ at: new Date(0) });
    for (let calls = 0; calls < 5; calls += 1) fleet.settle(fleet.cache(0).getOrSet('k', load));
    expect(counts).toEqual({ encoded: 1, decoded: 1 });
    for (let calls = 0; calls < 5; calls += 1) fleet.settle(fleet.cache(1).getOrSet('k', never));
    expect(counts).toEqual({ encoded: 1, decoded: 2 });
  });

  test('gives each caller a copy: what one changes no other sees', () => {
    const fleet = new Fleet({ codec: codecOf('superjson') });
    const load = () => ({ at: new Date(0), list: [1] });
    const [first, joined] = fleet.settle(
      Promise.all([fleet.cache().getOrSet('k', load), fleet.cache().getOrSet('k', load)]),
    ) as unknown as ReturnType<typeof load>[];
    first?.at.setFullYear(1999);
    first?.list.push(2);
    for (const other of [joined, fleet.cache().peek('k'), fleet.settle(fleet.cache().get('k'))])
      expect(other as unknown).toEqual(load());
  });

  test('gives the loader a copy of the value that it replaces', () => {
    const fleet = new Fleet({ codec: codecOf('devalue'), defaults: { ttl: '1s', staleIfError: '1h' } });
    fleet.settle(fleet.cache().getOrSet('k', () => new Map([['a', 1]])));
    fleet.run(1_100);
    const changing = ({ stale }: { stale: unknown }): never => {
      (stale as Map<string, number>).set('a', 2);
      throw new Error('after all not');
    };
    const { value, state } = fleet.settle(fleet.cache().lookup('k', changing));
    expect([state, value as unknown]).toEqual(['stale', new Map([['a', 1]])]);
  });

  test('is asked anew for each caller where a copy would not be the same: of classes of the user', () => {
    class Money {
      readonly cents: number;
      constructor(cents: number) {
        this.cents = cents;
      }
      double(): Money {
        return new Money(2 * this.cents);
      }
    }
    const codec: ValueCodec = {
      encode: (value) => ({ cents: (value as { price: Money }).price.cents }),
      decode: (json) => ({ price: new Money((json as { cents: number }).cents) }),
    };
    const fleet = new Fleet({ codec });
    const load = () => ({ price: new Money(5) });
    fleet.settle(fleet.cache().getOrSet('k', load));
    const [a, b] = [fleet.cache().peek('k'), fleet.cache().peek('k')] as unknown as ReturnType<typeof load>[];
    expect([a?.price.double().cents, a?.price instanceof Money, a?.price === b?.price]).toEqual([10, true, false]);
  });

  test('with freeze off hands out one object to all', () => {
    const { codec, counts } = counting();
    const fleet = new Fleet({ codec, freeze: false });
    const load = () => ({ at: new Date(0) });
    const first: unknown = fleet.settle(fleet.cache().getOrSet('k', load));
    expect<unknown>(fleet.settle(fleet.cache().getOrSet('k', never))).toBe(first);
    expect(counts).toEqual({ encoded: 1, decoded: 1 });
  });

  test('that cannot encode rejects that load alone, and nothing is stored', () => {
    const boom = new Error('no such type');
    const codec: ValueCodec = {
      encode(value) {
        if (value === 'bad') throw boom;
        return value;
      },
      decode: (json) => json,
    };
    const fleet = new Fleet({ codec });
    const both = Promise.allSettled([
      fleet.cache().getOrSet('bad', () => 'bad'),
      fleet.cache().getOrSet('good', () => 'good'),
    ]);
    const [bad, good] = fleet.settle(both);
    expect(good).toMatchObject({ status: 'fulfilled', value: 'good' });
    expect(bad).toMatchObject({ status: 'rejected', reason: { code: 'INVALID_VALUE', key: 'bad', cause: boom } });
    expect(fleet.failure(fleet.cache().set('k', 'bad'))).toBeInstanceOf(InvalidValueError);
    const { tier } = fleet.settle(fleet.cache().lookup('bad', () => 'better'));
    expect(tier).toBe('source');
  });

  test('must make JSON, and no undefined and no promise of it', () => {
    const answers: readonly (readonly [codec: ValueCodec, code: string])[] = [
      [{ encode: () => new Map(), decode: () => 1 }, 'is of type Map'],
      [{ encode: () => undefined, decode: () => 1 }, 'is of type undefined'],
      [{ encode: () => 1, decode: () => undefined }, 'not what its codec can decode again'],
      [{ encode: () => 1, decode: () => Promise.reject(new Error('later')) }, 'not what its codec can decode again'],
    ];
    for (const [codec, message] of answers) {
      const fleet = new Fleet({ codec });
      const error = fleet.failure(fleet.cache().getOrSet('k', () => 1));
      expect([error instanceof InvalidValueError, String(error)]).toEqual([true, expect.stringContaining(message)]);
    }
  });

  test('that cannot decode what L2 holds makes a miss of it, and onError is told; its neighbours are answered', () => {
    let breaks = false;
    const codec: ValueCodec = {
      encode: (value) => value,
      decode(json) {
        if (breaks && json === 'bad') throw new Error('an older shape');
        return json;
      },
    };
    const fleet = new Fleet({ instances: 2, codec });
    for (const key of ['bad', 'good']) fleet.settle(fleet.cache(0).getOrSet(key, () => key));
    breaks = true;
    const there = fleet.cache(1);
    const both = Promise.all([there.lookup('bad', () => 'loaded'), there.lookup('good', never)]);
    expect(fleet.settle(both)).toMatchObject([
      { value: 'loaded', tier: 'source' },
      { value: 'good', tier: 'l2' },
    ]);
    const [failure] = fleet.member(1).failures;
    expect(failure).toMatchObject({ operation: 'decode', tier: 'l2', key: 'bad' });
    expect(failure?.error).toBeInstanceOf(CodecError);
  });

  test('keeps its entries apart from those of a cache without one', () => {
    const fleet = new Fleet({ codec: codecOf('devalue') });
    const { cache } = fleet.join({ codec: undefined });
    fleet.settle(fleet.cache().getOrSet('k', () => ({ at: new Date(0) })));
    const plain = fleet.settle(cache.lookup('k', () => ({ at: 'plain' })));
    expect(plain).toMatchObject({ value: { at: 'plain' }, tier: 'source' });
    expect(fleet.settle(fleet.cache().lookup('k', never)).value as unknown).toEqual({ at: new Date(0) });
  });

  test('may bring values that refer to themselves: they are weighed by their JSON', async () => {
    const l1 = lru({ maxBytes: 2 ** 20 });
    const cache = createCache({ l1, codec: codecOf('devalue') });
    const ring: Record<string, unknown> = { name: 'ring' };
    ring.self = ring;
    ring.again = ring;
    const first = await cache.getOrSet('k', () => ring);
    expect(first.self).toBe(first);
    expect(l1.usage().bytes).toBeGreaterThan(bytesOf({ value: null }));
    await cache.close();
  });
});
