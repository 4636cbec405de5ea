import { describe, expect, test } from 'bun:test';
import { memoryLocalTier } from '../../../../src/adapters/memory/index.ts';
import { type Cached, createCache, InvalidOptionError, InvalidValueError } from '../../../../src/index.ts';
import { Fleet } from '../../../support/core-fixture.ts';

const SURVIVORS: Readonly<Record<string, unknown>> = {
  zero: 0,
  'a fraction': 0.1,
  'the largest number': Number.MAX_VALUE,
  false: false,
  true: true,
  'an empty string': '',
  null: null,
  'an empty array': [],
  'an empty object': {},
  'nested emptiness': [[], {}, '', null, 0, false],
  Unicode: 'žluťoučký 🐎 \u0000\u001f\u007f \u2028\u2029 ‮',
  'a lone surrogate': { high: '\ud800', low: '\udc00', key: { '\ud800': 1 } },
  'a string of a megabyte': 'é'.repeat(2 ** 20),
  'a member called then': JSON.parse('{"then":"a value, not a promise"}'),
  'a member called toJSON': { toJSON: 1 },
  'members of Object’s prototype': { constructor: 1, hasOwnProperty: 2, valueOf: null },
  'a member called __proto__': JSON.parse('{"__proto__":{"polluted":true},"own":1}'),
};

class Money {
  readonly #cents = 150;
  readonly currency = 'EUR';
  toJSON(name: string) {
    return { cents: this.#cents, as: name };
  }
}

class Itself {
  readonly amount = 1;
  toJSON() {
    return this;
  }
}

class Point {
  readonly x = 1;
  readonly y = 2;
  length() {
    return Math.hypot(this.x, this.y);
  }
}

/** What JSON changes, as its users expect, and what then comes back. */
const WRITTEN: Readonly<Record<string, { readonly value: () => unknown; readonly back: unknown }>> = {
  'a date': { value: () => ({ when: new Date(0) }), back: { when: '1970-01-01T00:00:00.000Z' } },
  'a date alone': { value: () => new Date(0), back: '1970-01-01T00:00:00.000Z' },
  'a URL': { value: () => [new URL('https://example.org/a?b')], back: ['https://example.org/a?b'] },
  'an instance of a class': { value: () => ({ at: new Point() }), back: { at: { x: 1, y: 2 } } },
  'an instance with toJSON': { value: () => ({ price: new Money() }), back: { price: { cents: 150, as: 'price' } } },
  'toJSON that returns this': { value: () => ({ it: new Itself() }), back: { it: { amount: 1 } } },
  'toJSON that leaves a member out': { value: () => ({ a: 1, gone: { toJSON: () => undefined } }), back: { a: 1 } },
  'boxed values': { value: () => [Object('a'), Object(1), Object(true)], back: ['a', 1, true] },
  'an object without a prototype': { value: () => Object.assign(Object.create(null), { a: 1 }), back: { a: 1 } },
  'what is not enumerable': {
    value: () => Object.defineProperty({ a: 1, [Symbol('s')]: 2 }, 'hidden', { value: 3 }),
    back: { a: 1 },
  },
};

describe('a value survives both tiers unchanged:', () => {
  for (const [name, value] of Object.entries(SURVIVORS)) {
    test(name, () => {
      const fleet = new Fleet({ instances: 2 });
      const unwanted = () => 'loaded again';
      const loaded = fleet.settle(fleet.cache(0).lookup<unknown>('k', () => value));
      const fromL1 = fleet.settle(fleet.cache(0).lookup<unknown>('k', unwanted));
      const fromL2 = fleet.settle(fleet.cache(1).lookup<unknown>('k', unwanted));
      expect([loaded.tier, fromL1.tier, fromL2.tier]).toEqual(['source', 'l1', 'l2']);
      for (const lookup of [loaded, fromL1, fromL2]) {
        expect(Bun.deepEquals(lookup.value, value, true)).toBe(true);
        expect(JSON.stringify(lookup.value)).toBe(JSON.stringify(value));
      }
    });
  }

  test('and does not reach Object’s prototype', () => {
    const fleet = new Fleet({ instances: 2 });
    const value: unknown = JSON.parse('{"__proto__":{"polluted":true}}');
    fleet.settle(fleet.cache(0).getOrSet('k', () => value));
    const read = fleet.settle(fleet.cache(1).get<object>('k'));
    expect(Object.keys(read ?? {})).toEqual(['__proto__']);
    expect('polluted' in {}).toBe(false);
  });

  for (const [name, { value, back }] of Object.entries(WRITTEN)) {
    test(`as JSON writes it: ${name}`, () => {
      const fleet = new Fleet({ instances: 2 });
      const unwanted = () => 'loaded again';
      const loaded = fleet.settle(fleet.cache(0).getOrSet<unknown>('k', () => value()));
      const fromL2 = fleet.settle(fleet.cache(1).getOrSet<unknown>('k', unwanted));
      expect(fleet.settle(fleet.cache(0).set<unknown>('set', value()))).toBe(true);
      const set = fleet.settle(fleet.cache(1).get('set'));
      for (const given of [loaded, fromL2, set]) expect(given).toEqual(back);
      expect(JSON.stringify(loaded)).toBe(JSON.stringify(value()));
    });
  }

  test('a BigInt, where the program says how it is written', () => {
    const fleet = new Fleet();
    const big = BigInt.prototype as { toJSON?: () => string };
    big.toJSON = function (this: bigint) {
      return `${this}`;
    };
    try {
      const first = fleet.settle(fleet.cache().getOrSet<unknown>('k', () => ({ cents: 2n ** 70n, none: [1n] })));
      expect(first).toEqual({ cents: '1180591620717411303424', none: ['1'] });
    } finally {
      delete big.toJSON;
    }
    const error = fleet.failure(fleet.cache().getOrSet<unknown>('other', () => 1n));
    expect(error).toBeInstanceOf(InvalidValueError);
  });

  test('without the members that are undefined', () => {
    const fleet = new Fleet();
    const first = fleet.settle(fleet.cache().getOrSet<unknown>('k', () => ({ one: 1, none: undefined })));
    expect(Object.keys(first as object)).toEqual(['one']);
  });
});

describe('a value is one object for all callers', () => {
  const list = () => ({ items: [{ id: 1 }] });
  type List = Cached<ReturnType<typeof list>>;
  const read = (fleet: Fleet, index: number): List => fleet.settle(fleet.cache(index).getOrSet('k', list));

  test('which none of them can change, whichever tier it came from', () => {
    const fleet = new Fleet({ instances: 2 });
    const values = [read(fleet, 0), read(fleet, 0), read(fleet, 1), read(fleet, 1)];
    expect(values[0]).toBe(values[1] as List);
    for (const value of values) {
      expect(() => Object.assign(value.items, { 1: { id: 2 } })).toThrow(TypeError);
      expect(() => Object.assign(value.items[0] ?? {}, { id: 2 })).toThrow(TypeError);
    }
    expect(read(fleet, 1)).toEqual(list());
  });

  test('and a mutable one where freezing is off', () => {
    const fleet = new Fleet({ instances: 2, freeze: false });
    for (const index of [0, 1]) {
      const value = read(fleet, index);
      expect(Object.isFrozen(value.items)).toBe(false);
      expect(read(fleet, index)).toBe(value);
    }
  });

  test('the loader’s own object is not among them', () => {
    const fleet = new Fleet({ freeze: false });
    const own = list();
    fleet.settle(fleet.cache().getOrSet('k', () => own));
    own.items.push({ id: 2 });
    expect(read(fleet, 0)).toEqual(list());
  });

  test('an option that is neither is refused', () => {
    expect(() => createCache({ l1: memoryLocalTier(), freeze: 'no' as never })).toThrow(InvalidOptionError);
  });
});

const cycle: { list: unknown[] } = { list: [] };
cycle.list.push(cycle);

const REFUSED: Readonly<Record<string, readonly [value: unknown, complaint: RegExp]>> = {
  undefined: [undefined, /is undefined/],
  NaN: [Number.NaN, /is NaN/],
  Infinity: [{ deep: [1, { price: Infinity }] }, /is Infinity at deep\[1\]\.price/],
  'a BigInt': [{ id: 1n }, /is of type bigint at id/],
  'a function': [[() => 1], /is of type function at \[0\]/],
  'a symbol': [{ kind: Symbol('s') }, /is of type symbol at kind/],
  'a Map': [{ index: new Map() }, /is of type Map at index/],
  'a Set': [new Set(), /is of type Set/],
  bytes: [{ body: new Uint8Array(2) }, /is of type Uint8Array at body/],
  'an ArrayBuffer': [{ body: new ArrayBuffer(2) }, /is of type ArrayBuffer at body/],
  'a promise that the loader did not await': [{ items: Promise.resolve([]) }, /is of type Promise at items/],
  'an error': [{ problem: new Error('x') }, /is of type Error at problem/],
  'a regular expression': [[/x/], /is of type RegExp at \[0\]/],
  'undefined in an array': [[1, undefined], /is of type undefined at \[1\]/],
  'a hole in an array': [new Array(1), /is of type undefined at \[0\]/],
  'a cycle': [cycle, /nested too deeply or refers to itself at list\[0\]\.list\[0\]/],
  'a toJSON that gives nothing': [{ toJSON: () => undefined }, /is of type undefined/],
  'a toJSON that gives NaN': [{ sum: { toJSON: () => Number.NaN } }, /is NaN at sum/],
  'a Buffer': [{ file: Buffer.from('a') }, /is of type Uint8Array at file/],
  'a Buffer alone': [Buffer.from('a'), /is of type Uint8Array, /],
  'a typed array': [[new Float64Array(2)], /is of type Float64Array at \[0\]/],
  'an invalid date': [{ at: [new Date('never')] }, /is an invalid date at at\[0\]/],
  'toJSON that gives undefined in a list': [[{ toJSON: () => undefined }], /is of type undefined at \[0\]/],
  'toJSON that gives what JSON has not': [{ a: { toJSON: () => Number.NaN } }, /is NaN at a/],
  'toJSON that gives a date, whose own is not asked': [{ a: { toJSON: () => new Date(0) } }, /is of type Date at a/],
  'toJSON that throws': [
    {
      toJSON() {
        throw new Error('boom');
      },
    },
    /cannot be written as JSON/,
  ],
  'a getter that throws': [
    {
      get a() {
        throw new Error('boom');
      },
    },
    /cannot be written as JSON/,
  ],
};

describe('a value that JSON would change is refused, by name and place:', () => {
  for (const [name, [value, complaint]] of Object.entries(REFUSED)) {
    test(name, () => {
      const fleet = new Fleet();
      const error = fleet.failure(fleet.cache().getOrSet('k', () => value));
      expect(error).toBeInstanceOf(InvalidValueError);
      expect(error).toMatchObject({ code: 'INVALID_VALUE', key: 'k', message: expect.stringMatching(complaint) });
      expect(fleet.failure(fleet.cache().set('k', value))).toBeInstanceOf(InvalidValueError);
      // Nothing was stored, and nobody is kept waiting for a value that will not come.
      expect(fleet.settle(fleet.cache().lookup('k', () => 'good'))).toMatchObject({ value: 'good', tier: 'source' });
    });
  }
});

describe('an answer', () => {
  test('is frozen all the way down, from every tier', () => {
    const fleet = new Fleet({ instances: 2 });
    const load = () => ({ items: [{ n: 1 }] });
    for (const index of [0, 0, 1]) {
      const value = fleet.settle(fleet.cache(index).getOrSet('k', load));
      expect(() => Object.assign(value.items, { 1: { n: 2 } })).toThrow(TypeError);
      expect(() => Object.assign(value.items[0] ?? {}, { n: 2 })).toThrow(TypeError);
    }
    expect(fleet.settle(fleet.cache(0).getOrSet('k', load))).toEqual({ items: [{ n: 1 }] });
  });

  test('does not change when the loader changes what it gave', () => {
    const fleet = new Fleet();
    const given = { n: 1 };
    fleet.settle(fleet.cache().getOrSet('k', () => given));
    given.n = 2;
    expect(fleet.settle(fleet.cache().getOrSet('k', () => given))).toEqual({ n: 1 });
  });

  test('is the same object for every caller', () => {
    const fleet = new Fleet();
    const first = fleet.settle(fleet.cache().getOrSet('k', () => ({ n: 1 })));
    expect(fleet.settle(fleet.cache().getOrSet('k', () => ({ n: 2 })))).toBe(first);
    expect(fleet.cache().peek<{ n: number }>('k')).toBe(first);
  });
});
