import { describe, expect, test } from 'bun:test';
import type { StoredRecord } from '../../../../src/core/ports/remote-tier.ts';
import { longestAnswerMs, Traffic } from '../../../../src/core/tiers/traffic.ts';

const MB = 1_000_000;

function value(bytes: number): StoredRecord {
  return { kind: 'value', value: { token: 't', storedAt: 0, expiredAt: 0, body: 'x'.repeat(bytes) } };
}

describe('the budget of a question', () => {
  const traffic = new Traffic();

  test('is its own while nothing lies before it', () => {
    expect(traffic.budgetOf(50, 0)).toBe(50);
  });

  test('is longer by a second for each 50 MB that lie before it, at most two seconds in all', () => {
    expect(traffic.budgetOf(50, 20 * MB)).toBeCloseTo(450);
    expect(traffic.budgetOf(50, 1_000 * MB)).toBe(2_000);
    expect(traffic.budgetOf(50, 1_000 * MB, 300)).toBe(300);
    // One that is longer by itself is not cut.
    expect(traffic.budgetOf(5_000, MB)).toBe(5_000);
  });
});

describe('traffic', () => {
  test('is what has begun and not ended', () => {
    const traffic = new Traffic();
    traffic.begin(20 * MB);
    expect([traffic.bytes, traffic.queuedMs]).toEqual([20 * MB, expect.closeTo(400)]);
    traffic.end(30 * MB);
    expect([traffic.bytes, traffic.queuedMs]).toEqual([0, 0]);
  });

  test('knows how long values are from those that it has seen', () => {
    const traffic = new Traffic();
    for (let answer = 0; answer < 30; answer += 1) traffic.learn([value(100_000), { kind: 'none' }]);
    expect(traffic.sizeOf(10)).toBeWithin(0.95 * MB, MB);
  });
});

test('a first answer may take half of the time of its caller, at least l2Timeout and at most two seconds', () => {
  expect(longestAnswerMs(50, 10_000)).toBe(2_000);
  expect(longestAnswerMs(50, Infinity)).toBe(2_000);
  expect(longestAnswerMs(50, 1_000)).toBe(500);
  expect(longestAnswerMs(50, 60)).toBe(50);
  expect(longestAnswerMs(5_000, 10_000)).toBe(5_000);
});
