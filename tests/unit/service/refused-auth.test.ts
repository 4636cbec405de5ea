import { beforeEach, describe, expect, test } from 'bun:test';
import { countRefusals } from '../../../src/service/auth/refusal-metrics.ts';
import { addressKey, RefusedAuth } from '../../../src/service/auth/refused-auth.ts';
import type { Problem } from '../../../src/service/http/problem.ts';
import { TestClock } from '../../../src/testing/test-clock.ts';

let clock: TestClock;
let lines: object[];
let refused: RefusedAuth;

const request = (address: string) => new Request('http://localhost/', { headers: { 'x-test-address': address } });

beforeEach(() => {
  clock = new TestClock();
  lines = [];
  refused = new RefusedAuth({
    log: { warn: (line: object) => void lines.push(line) },
    addressOf: ({ headers }) => headers.get('x-test-address') ?? undefined,
    clock,
  });
});

const statusOf = ({ status }: Problem) => status;

function mayLookUp(address: string): boolean {
  try {
    refused.assertMayLookUp(request(address));
    return true;
  } catch {
    return false;
  }
}

describe('refused tokens of an address', () => {
  test('are 401 ten times in a minute, then 429 with the time to wait, and one more each six seconds', async () => {
    const statuses = Array.from({ length: 12 }, () => statusOf(refused.unknown(request('10.0.0.1'), 'no')));
    expect(statuses).toEqual([...Array(10).fill(401), 429, 429]);
    expect(refused.malformed(request('10.0.0.1'), 'no')).toMatchObject({
      status: 429,
      headers: { 'retry-after': '6' },
    });
    expect([mayLookUp('10.0.0.1'), mayLookUp('10.0.0.2')]).toEqual([false, true]);
    await clock.advance('6s');
    expect(mayLookUp('10.0.0.1')).toBe(true);
    expect([1, 2].map(() => statusOf(refused.unknown(request('10.0.0.1'), 'no')))).toEqual([401, 429]);
    await clock.advance('1m');
    expect(Array.from({ length: 11 }, () => statusOf(refused.unknown(request('10.0.0.1'), 'no'))).at(-2)).toBe(401);
  });

  test('do not slow who sends none, nor where no address is known', () => {
    for (let time = 0; time < 50; time += 1) {
      expect(refused.missing().status).toBe(401);
      expect(refused.malformed(new Request('http://localhost/'), 'no').status).toBe(401);
    }
    expect(refused.addresses).toBe(0);
  });

  test('are remembered for ten thousand addresses and no more', () => {
    for (let n = 0; n < 10_050; n += 1) refused.malformed(request(`10.${n >> 16}.${(n >> 8) & 255}.${n & 255}`), 'no');
    expect(refused.addresses).toBe(10_000);
  });
});

test('look-ups in vain are limited for all addresses together, second by second', async () => {
  for (let n = 0; n < 200; n += 1) {
    expect(mayLookUp(`10.0.1.${n}`)).toBe(true);
    refused.unknown(request(`10.0.1.${n}`), 'no');
  }
  expect(mayLookUp('10.0.2.1')).toBe(false);
  await clock.advance('1s');
  expect(mayLookUp('10.0.2.1')).toBe(true);
});

test('what is refused is counted by reason, and logged once a second with what was left out', async () => {
  for (let n = 0; n < 100; n += 1) refused.unknown(request('10.0.0.1'), 'no');
  refused.missing();
  expect(refused.counts).toEqual({ missing: 1, malformed: 0, unknown: 10, slowed: 90 });
  expect(lines).toEqual([
    { event: 'auth_refused', reason: 'unknown' },
    { event: 'rate_limited', what: 'authentication' },
  ]);
  await clock.advance('1s');
  refused.missing();
  expect(lines.at(-1)).toEqual({ event: 'auth_refused', reason: 'missing', suppressed: 10 });
});

test('what is refused is offered as a metric, read when the metrics are', () => {
  const observed: [number, object | undefined][] = [];
  let read = (): void => {};
  countRefusals(refused, {
    createObservableCounter: (name) => {
      expect(name).toBe('auth_refused_total');
      return {
        addCallback: (callback) => {
          read = () => void callback({ observe: (value, labels) => void observed.push([value, labels]) });
        },
        removeCallback: () => {},
      };
    },
  });
  refused.missing();
  read();
  expect(observed).toContainEqual([1, { reason: 'missing' }]);
  expect(observed).toHaveLength(4);
});

test.each([
  ['192.0.2.7', '192.0.2.7'],
  ['::ffff:192.0.2.7', '192.0.2.7'],
  ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2'],
  ['2001:db8:1:2::9', '2001:db8:1:2'],
  ['2001:0DB8::1', '2001:db8:0:0'],
  ['fe80::1%eth0', 'fe80:0:0:0'],
  ['::1', '0:0:0:0'],
])('%s is counted as %s: an IPv6 network is one subscriber', (address, key) => {
  expect(addressKey(address)).toBe(key);
});
