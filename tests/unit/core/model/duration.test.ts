import { describe, expect, test } from 'bun:test';
import { type Duration, toMs } from '../../../../src/core/model/duration.ts';
import { InvalidOptionError } from '../../../../src/index.ts';

describe('a duration', () => {
  const good: readonly (readonly [Duration, number])[] = [
    [0, 0],
    [0.5, 0.5],
    [250, 250],
    [Infinity, Infinity],
    ['250ms', 250],
    ['30s', 30_000],
    ['5m', 300_000],
    ['1h', 3_600_000],
    ['1d', 86_400_000],
    ['1.5h', 5_400_000],
    ['0s', 0],
    ['365250d', 31_557_600_000_000],
  ];
  for (const [given, ms] of good) test(`${given} is ${ms} ms`, () => expect(toMs(given, 'ttl')).toBe(ms));

  const bad: readonly unknown[] = [
    -1,
    Number.NEGATIVE_INFINITY,
    Number.MAX_VALUE,
    31_557_600_000_001,
    '365251d',
    `${'9'.repeat(400)}ms`,
    Number.NaN,
    '',
    '5',
    's',
    '5 s',
    '-5s',
    '5S',
    '1h30m',
    '1e3ms',
    ' 5s',
    '5s\n',
    '.5s',
    '5.s',
    '٥s',
    true,
    {},
    5n,
  ];
  for (const given of bad) {
    test(`${Bun.inspect(given)} is none`, () => {
      expect(() => toMs(given as Duration, 'ttl')).toThrow(InvalidOptionError);
      expect(() => toMs(given as Duration, 'ttl')).toThrow(/^Option ttl must be milliseconds/);
    });
  }
});
