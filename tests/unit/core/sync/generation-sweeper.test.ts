import { describe, expect, test } from 'bun:test';
import { Fleet } from '../../../support/core-fixture.ts';

const MINUTE = 60_000;

/** How many records the server holds. */
const records = (fleet: Fleet): number => fleet.server.names().filter((name) => name.startsWith('record ')).length;

/** The server restarts and keeps its data, and everybody finds it again, in another generation. */
function restart(fleet: Fleet): void {
  fleet.server.restart({ keepData: true });
  fleet.run(5_000);
}

/** Lets time pass while the caches are used, so that they do not rest. */
function use(fleet: Fleet, ms: number): void {
  for (let at = 0; at < ms; at += 5_000) {
    for (const { cache } of fleet.members) fleet.settle(cache.getOrSet('in use', () => 1, { ttl: '1h' }));
    fleet.run(5_000);
  }
}

describe('what a restart leaves', () => {
  test('is removed, however often it happens', () => {
    const fleet = new Fleet({ instances: 2, defaults: { ttl: Infinity } });
    for (let round = 0; round < 5; round += 1) {
      for (let index = 0; index < 20; index += 1) fleet.settle(fleet.cache().getOrSet(`k${index}`, () => index));
      restart(fleet);
      use(fleet, 7 * MINUTE);
      expect(records(fleet)).toBe(1);
    }
    const swept = fleet.members.map(({ cache }) => cache.stats().tiers.l2?.swept ?? 0);
    expect(swept.reduce((sum, count) => sum + count)).toBeGreaterThanOrEqual(100);
    expect(fleet.cache().health().l2).toMatchObject({ sweeping: false });
  });

  test('is not touched within a minute, and removed by one instance alone', () => {
    const fleet = new Fleet({ instances: 3, defaults: { ttl: Infinity } });
    for (let index = 0; index < 20; index += 1) fleet.settle(fleet.cache().getOrSet(`k${index}`, () => index));
    restart(fleet);
    use(fleet, 40_000);
    expect(records(fleet)).toBe(21);
    use(fleet, 10 * MINUTE);
    const swept = fleet.members.map(({ cache }) => cache.stats().tiers.l2?.swept ?? 0);
    expect(swept.filter((count) => count > 0)).toHaveLength(1);
  });

  test('is removed by another instance when the one that sweeps has gone', () => {
    const fleet = new Fleet({ instances: 2, defaults: { ttl: Infinity } });
    const generation = 'old';
    const { tier } = fleet.member();
    for (let index = 0; index < 1_200; index += 1) fleet.settle(tier.acquire(`k${index}`, generation, `${index}`, 1e9));
    const reply = fleet.hold('reply', ' sweepOthers');
    use(fleet, 2 * MINUTE);
    expect(reply.waiting).toBeGreaterThan(0);
    for (const { cache } of fleet.members) void cache.close();
    reply.open();
    fleet.run(5_000);
    const { cache } = fleet.join({});
    const later = () => fleet.settle(cache.getOrSet('in use', () => 1));
    for (let round = 0; round < 200; round += 1) {
      later();
      fleet.run(5_000);
    }
    expect(records(fleet)).toBe(1);
  });

  test('is swept slowly: 500 keys a step, and 19 times as long a rest', () => {
    const fleet = new Fleet();
    const { tier } = fleet.member();
    for (let index = 0; index < 1_200; index += 1) fleet.settle(tier.acquire(`k${index}`, 'old', `${index}`, 1e9));
    const steps: number[] = [];
    // From its start on it looks once a minute; of the second look on it knows the generation.
    use(fleet, 115_000);
    let last = 0;
    for (let at = 0; at < 10_000; at += 1) {
      if (at % 5_000 === 0) fleet.settle(fleet.cache().getOrSet('in use', () => 1));
      fleet.run(1);
      const swept = fleet.cache().stats().tiers.l2?.swept ?? 0;
      if (swept === last) continue;
      expect(swept - last).toBeLessThanOrEqual(500);
      last = swept;
      steps.push(fleet.time.now);
    }
    expect(last).toBe(1_200);
    // A step takes a round trip of 1 ms.
    expect((steps[1] ?? 0) - (steps[0] ?? 0)).toBeGreaterThanOrEqual(19);
  });
});

test('a sweep that fails is reported, delays no caller, and is tried again', () => {
  const fleet = new Fleet();
  const { tier, l2, failures } = fleet.member();
  fleet.settle(tier.acquire('k', 'old', 'token', 1e9));
  const fault = l2.fail('error', { only: 'sweepOthers' });
  use(fleet, 3 * MINUTE);
  expect(failures).toContainEqual(expect.objectContaining({ operation: 'sweepOthers', background: true }));
  expect(fleet.cache().health().l2).toMatchObject({ healthy: true, sweeping: false });
  fault.lift();
  use(fleet, 2 * MINUTE);
  expect(fleet.cache().stats().tiers.l2?.swept).toBe(1);
});

test('a cache that rests is not woken to sweep', () => {
  const fleet = new Fleet();
  fleet.run(20_000);
  const { events } = fleet.member();
  events.length = 0;
  const heartbeats = fleet.hold('request', ' heartbeat');
  fleet.run(30 * MINUTE);
  expect(heartbeats.waiting).toBe(0);
});

test('a record without an end stays in L2 for a year at most', () => {
  const fleet = new Fleet();
  fleet.settle(fleet.cache().getOrSet('loaded', () => 1, { ttl: Infinity }));
  fleet.settle(fleet.cache().set('set', 1, { ttl: Infinity }));
  const { generation } = fleet.settle(fleet.member().tier.heartbeat('test', 'nonce'));
  for (const id of ['loaded', 'set']) {
    const left = fleet.settle(fleet.member().tier.remaining(id, generation ?? ''));
    expect(left).toBeGreaterThan(364 * 24 * 60 * MINUTE);
    expect(left).toBeLessThanOrEqual(365 * 24 * 60 * MINUTE);
  }
});
