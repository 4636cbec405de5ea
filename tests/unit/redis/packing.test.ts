import { describe, expect, test } from 'bun:test';
import { resourceUsage } from 'node:process';
import { gunzipSync, gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { gzipPacking } from '../../../src/adapters/redis/protocol/gzip-packing.ts';
import { CodecError } from '../../../src/index.ts';
import { gigabyteOfZeros } from '../../support/gzip-bomb.ts';

const MIB = 2 ** 20;
const always = gzipPacking(0);
const never = gzipPacking(Infinity);
const bytes = (body: string | Uint8Array) => Buffer.from(body as string);
const wordy = JSON.stringify(Array.from({ length: 300 }, (_, id) => ({ id, name: `Šroub č. ${id} 🔩` })));

describe('a body', () => {
  test('comes back as it was, whatever the settings of writer and reader', () => {
    const anyBody = fc.oneof(
      fc.string({ unit: 'grapheme' }).map((text) => `[${text.repeat(40)}]`),
      fc.json(),
      fc.uint8Array().map((tail) => Uint8Array.of(0x5b, ...tail)),
    );
    fc.assert(
      fc.property(anyBody, (body) => {
        for (const writer of [always, never, gzipPacking(50)])
          for (const reader of [always, never])
            expect(bytes(reader.unpack(writer.pack(body), MIB))).toEqual(bytes(body));
      }),
    );
  });

  test('of Redis’s own bytes, read as part of a longer buffer, too', () => {
    const whole = Buffer.concat([Buffer.alloc(70), bytes(always.pack(wordy))]);
    expect(never.unpack(whole.subarray(70), MIB).toString()).toBe(wordy);
  });

  test('shrinks to well under half, as standard gzip', () => {
    const packed = always.pack(wordy);
    expect(packed.length).toBeLessThan(Buffer.byteLength(wordy) * 0.4);
    expect(gunzipSync(packed).toString()).toBe(wordy);
  });

  test('below the threshold is not touched, counted in bytes', () => {
    const text = 'é'.repeat(500);
    expect(gzipPacking(1_001).pack(text)).toBe(text);
    expect(gzipPacking(1_000).pack(text).length).toBeLessThan(100);
    expect(never.pack(wordy)).toBe(wordy);
    const plain = bytes('[2,"an entry"]');
    expect(always.unpack(plain, MIB)).toBe(plain);
  });

  test('that hardly shrinks stays as it is', () => {
    const noise = crypto.getRandomValues(new Uint8Array(10_000));
    expect(always.pack(noise)).toBe(noise);
  });
});

describe('damage', () => {
  test('of any byte is the codec’s error or is none', () => {
    const good = bytes(always.pack(wordy));
    const place = fc.nat({ max: good.length - 1 });
    fc.assert(
      fc.property(place, fc.integer({ min: 1, max: 255 }), (at, flip) => {
        const bad = Buffer.from(good);
        bad[at] = (bad[at] ?? 0) ^ flip;
        try {
          // Some bytes of the header say nothing; without the first two it is no gzip, and the codec's own business.
          expect([wordy, bad.toString()]).toContain(never.unpack(bad, MIB).toString());
        } catch (error) {
          expect(error).toBeInstanceOf(CodecError);
        }
      }),
    );
  });

  test('by an end that is missing is the codec’s error', () => {
    const good = bytes(always.pack(wordy));
    for (const length of [2, 3, 10, 11, good.length >> 1, good.length - 8, good.length - 1])
      expect(() => never.unpack(good.subarray(0, length), MIB)).toThrow(
        /^The stored bytes are no entry: they are damaged/,
      );
  });
});

describe('a bomb', () => {
  const isTooLong = /they unpack to more than maxValueBytes, which is \d+$/;

  test('is not unpacked beyond the limit', () => {
    const bomb = gigabyteOfZeros();
    expect(bomb.length).toBeLessThan(2 * MIB);
    const before = resourceUsage().maxRSS;
    expect(() => never.unpack(bomb, 16 * MIB)).toThrow(isTooLong);
    // Kilobytes.
    expect(resourceUsage().maxRSS - before).toBeLessThan(200 * 1_024);
  });

  test('in many parts is none the less', () => {
    const part = gzipSync(Buffer.alloc(MIB));
    expect(() => never.unpack(Buffer.concat(new Array<Buffer>(64).fill(part)), 16 * MIB)).toThrow(isTooLong);
  });

  test('begins one byte above the limit', () => {
    const length = Buffer.byteLength(wordy);
    expect(never.unpack(always.pack(wordy), length).length).toBe(length);
    expect(() => never.unpack(always.pack(wordy), length - 1)).toThrow(isTooLong);
  });
});
