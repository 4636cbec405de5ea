import { describe, expect, test } from 'bun:test';
import fc from 'fast-check';
import { LONGEST_DURATION_MS } from '../../../../src/core/model/duration.ts';
import { ROOT_TAG } from '../../../../src/core/model/key.ts';
import { assertStorable, deepFreeze } from '../../../../src/core/model/value.ts';
import type { Envelope } from '../../../../src/core/ports/codec.ts';
import { jsonCodec, jsonCodecOf } from '../../../../src/core/tiers/json-codec.ts';
import { CodecError, InvalidValueError } from '../../../../src/index.ts';

const anyText = fc.string({ unit: 'binary', maxLength: 30 });
/** Every JSON value but `-0`, which JSON writes as `0`. */
const anyValue = fc.jsonValue({ stringUnit: 'binary' }).map((value) => JSON.parse(JSON.stringify(value)) as unknown);
/** Whole milliseconds, as Redis counts them, or no end. */
const anyDuration = fc.oneof(fc.nat({ max: 2 ** 31 }), fc.constant(Infinity));

/** Of tags and generations, which are never empty. */
const anyName = fc.oneof(fc.string({ unit: 'binary', minLength: 1, maxLength: 30 }), fc.constant(ROOT_TAG));

const anyEnvelope: fc.Arbitrary<Envelope> = fc.record({
  id: anyText,
  version: anyText,
  value: anyValue,
  ttl: anyDuration,
  staleWhileRevalidate: anyDuration,
  staleIfError: anyDuration,
  loadMs: fc.nat({ max: 60_000 }),
  tags: fc.array(fc.tuple(anyName, anyName, anyName), { maxLength: 4 }),
});

describe('an envelope', () => {
  test('comes back as it was, from text and from bytes', () => {
    fc.assert(
      fc.property(anyEnvelope, (envelope) => {
        const body = jsonCodec.encode(envelope);
        expect(jsonCodec.decode(body)).toEqual(envelope);
        expect(jsonCodec.decode(new TextEncoder().encode(body.toString()))).toEqual(envelope);
      }),
    );
  });

  test('comes back frozen', () => {
    fc.assert(
      fc.property(anyEnvelope, (envelope) => {
        const frozen = (value: unknown): boolean =>
          typeof value !== 'object' ||
          value === null ||
          (Object.isFrozen(value) && Object.values(value).every((member) => frozen(member)));
        expect(frozen(jsonCodec.decode(jsonCodec.encode(envelope)).value)).toBe(true);
      }),
    );
  });

  test('refuses bytes of any other form, and only with its own error', () => {
    const anyBytes = fc.oneof(anyText, fc.json(), fc.uint8Array());
    fc.assert(
      fc.property(anyBytes, (body) => {
        expect(() => jsonCodec.decode(body)).toThrow(CodecError);
      }),
    );
  });

  test('refuses itself when any part of it is of another type', () => {
    const good: unknown[] = [jsonCodec.format, 'id', 'version', 1, 1, 1, 1, ['tag', 'h', 's'], 'value'];
    expect(jsonCodec.decode(JSON.stringify(good))).toMatchObject({ id: 'id', value: 'value' });
    const others: readonly (readonly [index: number, other: unknown])[] = [
      [0, 1],
      [0, String(jsonCodec.format)],
      [1, 1],
      [2, null],
      [3, '1'],
      [4, null],
      [5, []],
      [6, '1'],
      [7, {}],
      [7, ['tag']],
      [7, ['tag', 'h']],
      [7, ['tag', 'h', 1]],
    ];
    for (const [index, other] of others) {
      const bad = good.with(index, other);
      expect(() => jsonCodec.decode(JSON.stringify(bad))).toThrow(/of another format/);
    }
    expect(() => jsonCodec.decode(JSON.stringify(good.slice(0, 8)))).toThrow(CodecError);
  });

  test('refuses more tags than an entry may have: each would be asked for in L2', () => {
    const withTags = (count: number): string => {
      const tags = Array.from({ length: count }, (_, tag) => [`t${tag}`, 'e:1', 'e:1'] as const);
      const durations = { ttl: 1, staleWhileRevalidate: 0, staleIfError: 0, loadMs: 0 };
      return String(jsonCodec.encode({ id: 'k', version: '', value: 1, ...durations, tags }));
    };
    expect(jsonCodec.decode(withTags(1_024)).tags).toHaveLength(1_024);
    expect(() => jsonCodec.decode(withTags(1_025))).toThrow('they name 1025 tags; an entry has at most 1024');
  });

  describe.each([true, false])('frozen: %p', (freeze) => {
    const codec = jsonCodecOf(freeze);
    const bodyOf = (durations: readonly (number | string)[], value: string): string =>
      `[4,"k","",${durations.join(',')},[],${value}]`;

    test.each(['1e999', '-1e999', '[[1],1e400]', '{"a":{"b":[0,1e309]}}'])('refuses the value %s', (value) => {
      expect(() => codec.decode(bodyOf([1_000, 0, 0, 5], value))).toThrow(
        'their value holds a number that is not finite',
      );
      expect(codec.decode(bodyOf([1_000, 0, 0, 5], value.replaceAll(/e\d+/g, 'e300'))).id).toBe('k');
    });

    test.each([-0.5, -2, '1e308', '1e999', LONGEST_DURATION_MS + 1])('refuses the duration %p', (duration) => {
      for (const place of [0, 1, 2, 3]) {
        const durations: (number | string)[] = [1_000, 0, 0, 5];
        durations[place] = duration;
        expect(() => codec.decode(bodyOf(durations, '1'))).toThrow('they hold a duration that is none');
      }
    });

    test('takes the longest duration that an option may have, and one without an end', () => {
      const { ttl, staleIfError } = codec.decode(bodyOf([LONGEST_DURATION_MS, 0, -1, 5], '1'));
      expect([ttl, staleIfError]).toEqual([LONGEST_DURATION_MS, Infinity]);
    });
  });

  test('ignores what a later writer appends', () => {
    fc.assert(
      fc.property(anyEnvelope, anyValue, (envelope, later) => {
        const wire: unknown[] = JSON.parse(jsonCodec.encode(envelope).toString());
        expect(jsonCodec.decode(JSON.stringify([...wire, later]))).toEqual(envelope);
      }),
    );
  });

  test('refuses bytes that are not UTF-8', () => {
    expect(() => jsonCodec.decode(new Uint8Array([0x22, 0xff, 0x22]))).toThrow(/they are not JSON/);
  });

  test('cannot hold what JSON cannot write', () => {
    const envelope = {
      id: 'k',
      version: '',
      value: 1n,
      ttl: 1,
      staleWhileRevalidate: 0,
      staleIfError: 0,
      loadMs: 0,
      tags: [],
    };
    expect(() => jsonCodec.encode(envelope)).toThrow(InvalidValueError);
  });
});

describe('what may be stored', () => {
  test('is every JSON value', () => {
    fc.assert(fc.property(anyValue, (value) => expect(() => assertStorable(value, 'k')).not.toThrow()));
  });

  test('takes no more bytes than are said of it', () => {
    const extremes = fc.constantFrom<unknown>(
      -Number.MAX_VALUE,
      -1.2345678901234567e-6,
      '\u0000',
      '\ud800',
      '€',
      true,
      null,
    );
    const anything = fc.oneof(
      anyValue,
      extremes,
      fc.array(extremes),
      fc.dictionary(anyText, extremes),
      fc.date({ noInvalidDate: true }),
    );
    fc.assert(
      fc.property(anything, (value) => {
        expect(assertStorable(value, 'k')).toBeGreaterThanOrEqual(Buffer.byteLength(JSON.stringify(value)));
      }),
    );
  });

  test('is nothing that JSON would change, wherever it stands', () => {
    const bad = fc.constantFrom(undefined, Number.NaN, Infinity, 1n, () => 1, Symbol('s'), new Map(), new Set(), /x/);
    const holder = fc.array(anyValue, { maxLength: 4 });
    fc.assert(
      fc.property(bad, holder, holder, (value, before, after) => {
        expect(() => assertStorable([...before, value, ...after], 'k')).toThrow(InvalidValueError);
        if (value !== undefined)
          expect(() => assertStorable({ before, deep: { value } }, 'k')).toThrow(/at deep\.value/);
      }),
    );
  });

  test('may be a class’s instance, an array of a class of its own, or an object without a prototype', () => {
    class Money {
      readonly cents = 5;
    }
    class Rows extends Array<number> {}
    for (const value of [new Money(), Rows.from([1]), Object.assign(Object.create(null), { a: 1 }), new Date(0)])
      expect(() => assertStorable(value, 'k')).not.toThrow();
  });

  test('may be nested deeply, but not without end', () => {
    const nested = (depth: number): unknown => (depth === 0 ? 0 : [nested(depth - 1)]);
    expect(() => assertStorable(nested(200), 'k')).not.toThrow();
    expect(() => assertStorable(nested(201), 'k')).toThrow(/nested too deeply/);
  });

  test('is frozen as it is', () => {
    for (const value of [1, 'a', null, true]) expect(deepFreeze(value)).toBe(value);
  });
});
