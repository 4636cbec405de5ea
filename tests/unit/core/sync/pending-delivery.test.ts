import { describe, expect, test } from 'bun:test';
import type { SweepRequest } from '../../../../src/core/ports/sweeps.ts';
import { InvalidationPendingError } from '../../../../src/index.ts';
import { overriding } from '../../../../src/testing/chaos/overriding.ts';
import { Fleet, type FleetOptions, type Member } from '../../../support/core-fixture.ts';
import { watch } from '../../../support/watch.ts';

const NO_DEBTS = { keys: 0, tags: 0, patterns: 0, all: false, outbox: false };

/** Keys that one step of a sweep looks at in memory. */
const PER_STEP = 10;

/** Callers go on, so heartbeats do not rest. */
function inUse(fleet: Fleet, ms: number): void {
  for (let passed = 0; passed < ms; passed += 500) {
    for (const { cache } of fleet.members) watch(cache.get('in use'));
    fleet.run(500);
  }
}

function typesOf({ events }: Member): string[] {
  return events.map(({ type }) => type);
}

/** Starts a fleet with so many keys `k…` in its L2. */
function fleetWith(keys: number, options: FleetOptions = {}): Fleet {
  const fleet = new Fleet({ instances: 2, ...options });
  const names = Array.from({ length: keys }, (_, index) => `k${index}`);
  fleet.settle(fleet.cache(1).setMany(names.map((name) => [name, 'old'] as const)));
  fleet.settle(fleet.cache(1).set('other', 'good'));
  return fleet;
}

describe('a sweep that L2 refuses', () => {
  test('is no missed heartbeat, and keeps callers from nothing else in L2', () => {
    const fleet = fleetWith(1);
    const { cache, l2 } = fleet.member();
    l2.fail('denied', { only: 'sweep' });
    expect(fleet.failure(cache.invalidate({ pattern: 'k*' }))).toBeInstanceOf(InvalidationPendingError);
    fleet.run(200);
    expect(fleet.settle(cache.lookup('other', () => 'loaded'))).toMatchObject({ value: 'good', tier: 'l2' });
    expect(fleet.settle(cache.lookup('k0', () => 'loaded'))).toMatchObject({
      value: 'loaded',
      steps: { l2: { outcome: 'bypass', reason: 'pending' } },
    });
    inUse(fleet, 5_000);
    expect(cache.health()).toMatchObject({ l1: { suspended: false }, l2: { healthy: true, breaker: 'closed' } });
    expect(typesOf(fleet.member())).not.toContain('l1_suspended');
    expect(typesOf(fleet.member())).not.toContain('breaker_transition');
  });

  test('becomes the tag of its namespace after three attempts, which reaches every instance', () => {
    const fleet = fleetWith(1);
    const { cache, l2 } = fleet.member();
    l2.fail('denied', { only: 'sweep' });
    fleet.failure(cache.invalidate({ pattern: 'k*' }));
    expect(cache.health().pending).toMatchObject({ patterns: 1, all: false });
    inUse(fleet, 2_000);
    expect(l2.count('sweep')).toBe(3);
    const told = fleet.member().events.filter(({ type }) => type === 'invalidation_pending');
    expect(told.at(-1)).toMatchObject({ all: true });
    expect(typesOf(fleet.member())).toContain('invalidation_delivered');
    expect(cache.health().pending).toEqual(NO_DEBTS);
    for (const member of fleet.members) expect(fleet.settle(member.cache.get('k0'))).toBeUndefined();
  });

  test('ends nothing outside of its namespace', () => {
    const fleet = fleetWith(1);
    const { cache, l2 } = fleet.member();
    fleet.settle(cache.namespace('inner').set('k0', 'old'));
    l2.fail('denied', { only: 'sweep' });
    fleet.failure(cache.namespace('inner').invalidate({ pattern: 'k*' }));
    inUse(fleet, 2_000);
    expect(cache.health().pending).toEqual(NO_DEBTS);
    expect(fleet.settle(fleet.cache(1).namespace('inner').get('k0'))).toBeUndefined();
    expect(fleet.settle(fleet.cache(1).get<string>('other'))).toBe('good');
  });

  test('keeps its mode: what it only expires still answers for a source that fails', () => {
    const fleet = fleetWith(1, { defaults: { staleIfError: '1h' } });
    const { cache, l2 } = fleet.member();
    l2.fail('denied', { only: 'sweep' });
    fleet.failure(cache.invalidate({ pattern: 'k*', mode: 'expire' }));
    inUse(fleet, 2_000);
    expect(cache.health().pending).toEqual(NO_DEBTS);
    const failing = fleet.cache(1).lookup('k0', () => Promise.reject(new Error('down')));
    expect(fleet.settle(failing)).toMatchObject({ value: 'old', state: 'stale' });
  });

  test('leaves every instance the values stored after it', () => {
    const fleet = fleetWith(1);
    const { cache, l2 } = fleet.member();
    // The tag's generation is remembered by everybody.
    for (const member of fleet.members) fleet.settle(member.cache.getOrSet(`of ${member.name}`, () => 1));
    l2.fail('denied', { only: 'sweep' });
    fleet.failure(cache.invalidate({ pattern: 'k*' }));
    inUse(fleet, 2_000);
    fleet.settle(cache.getOrSet('k0', () => 'new'));
    expect(fleet.settle(fleet.cache(1).lookup('k0', () => 'newer'))).toMatchObject({ value: 'new', tier: 'l2' });
    fleet.settle(fleet.cache(1).getOrSet('k1', () => 'new'));
    expect(fleet.settle(cache.lookup('k1', () => 'newer'))).toMatchObject({ value: 'new', tier: 'l2' });
  });
});

describe('a sweep that takes long', () => {
  /** One attempt does twenty steps of these. */
  const STEP_MS = 1_500;

  test('goes on where it stopped, and L2 is in use all the while', () => {
    const steps = 31;
    const fleet = fleetWith(steps * PER_STEP - PER_STEP / 2);
    const { cache, l2 } = fleet.member();
    l2.delay(STEP_MS, { only: 'sweep' });
    const ordered = watch(cache.invalidate({ pattern: 'k*' }));
    inUse(fleet, 31_000);
    expect(ordered.state).toBe('rejected');
    expect(fleet.settle(cache.lookup('other', () => 'loaded'))).toMatchObject({ value: 'good', tier: 'l2' });
    inUse(fleet, 30_000);
    expect(l2.count('sweep')).toBe(steps);
    expect(cache.health().pending).toEqual(NO_DEBTS);
    expect(fleet.settle(fleet.cache(1).get('k0'))).toBeUndefined();
    // It was swept, not ended with all that there is.
    expect(fleet.settle(fleet.cache(1).get<string>('other'))).toBe('good');
    expect(typesOf(fleet.member())).not.toContain('breaker_transition');
  });

  test('becomes the tag of its namespace when three attempts are not enough', () => {
    const fleet = fleetWith(70 * PER_STEP);
    const { cache, l2 } = fleet.member();
    l2.delay(STEP_MS, { only: 'sweep' });
    watch(cache.invalidate({ pattern: 'k*' }));
    inUse(fleet, 95_000);
    expect(cache.health().pending).toEqual(NO_DEBTS);
    expect(fleet.settle(fleet.cache(1).get('other'))).toBeUndefined();
  });

  test('holds up no other order', () => {
    const fleet = fleetWith(1);
    const { cache, l2 } = fleet.member();
    l2.fail('unavailable', { only: 'sweep', times: 1 });
    fleet.failure(cache.invalidate({ pattern: 'k*' }));
    const hung = l2.hang({ only: 'sweep' });
    inUse(fleet, 1_000);
    l2.fail('unavailable', { only: 'invalidate', times: 1 });
    fleet.failure(cache.delete('other'));
    inUse(fleet, 1_000);
    expect(cache.health().pending).toMatchObject({ keys: 0, patterns: 1 });
    hung.lift();
  });

  test('is ended when the cache closes: a moment later for its caller, at once for one that is repeated', () => {
    const fleet = fleetWith(1);
    const { cache, l2 } = fleet.member();
    l2.hang({ only: 'sweep' });
    const ordered = watch(cache.invalidate({ pattern: 'k*' }));
    fleet.run(100);
    const closing = fleet.time.now;
    fleet.settle(cache.close());
    expect(ordered.state).toBe('rejected');
    expect(fleet.time.now - closing).toBeLessThan(2_500);

    const other = fleetWith(1);
    const { cache: repeating, l2: slow } = other.member();
    slow.fail('unavailable', { only: 'sweep', times: 1 });
    other.failure(repeating.invalidate({ pattern: 'k*' }));
    slow.hang({ only: 'sweep' });
    inUse(other, 1_000);
    const begun = other.time.now;
    other.settle(repeating.close());
    expect(other.time.now - begun).toBeLessThan(500);
  });
});

test('a sweep begins anew in another history, where other records are to be looked at', () => {
  const asked: (string | undefined)[] = [];
  const fleet = fleetWith(3 * PER_STEP, {
    weakening: {
      tier: (tier) =>
        overriding(tier, {
          sweep: (request: SweepRequest) => {
            asked.push(request.cursor);
            return tier.sweep(request);
          },
        }),
    },
  });
  const { cache, l2 } = fleet.member();
  l2.delay(100, { only: 'sweep' });
  watch(cache.invalidate({ pattern: 'k*' }));
  fleet.run(205);
  expect(asked.filter((cursor) => cursor === undefined)).toHaveLength(1);
  expect(asked.length).toBeGreaterThan(1);
  fleet.server.restart({ keepData: true });
  inUse(fleet, 3_000);
  expect(asked.filter((cursor) => cursor === undefined).length).toBeGreaterThan(1);
  expect(cache.health().pending).toEqual(NO_DEBTS);
});

test('a count that takes long is no failure of L2', () => {
  const fleet = fleetWith(30 * PER_STEP);
  const { cache, l2 } = fleet.member();
  l2.delay(1_500, { only: 'sweep' });
  const counted = watch(cache.count('k*'));
  inUse(fleet, 32_000);
  expect(counted.value()).toBeGreaterThan(0);
  expect(typesOf(fleet.member())).not.toContain('breaker_transition');
});

test('an order that was acknowledged in another history is delivered once more', () => {
  const fleet = fleetWith(1, { defaults: { l2Timeout: 2_000 } });
  const { cache, l2, events } = fleet.member();
  l2.fail('unavailable', { only: 'invalidate', times: 1 });
  fleet.failure(cache.delete('k0'));
  const reply = fleet.hold('reply', 'i0.data invalidate');
  fleet.run(600);
  expect(l2.count('invalidate')).toBe(2);
  // The generation is replaced while the acknowledgement is on its way, and a heartbeat finds the next one.
  const { epoch } = fleet.server;
  fleet.settle(fleet.member(1).tier.agreeGeneration(epoch, 'next', undefined, Number.MAX_SAFE_INTEGER - 2));
  fleet.run(600);
  reply.open();
  fleet.run(5);
  expect(cache.health().pending).toMatchObject({ keys: 1 });
  fleet.run(1_000);
  expect(cache.health().pending).toEqual(NO_DEBTS);
  expect(events.filter(({ type }) => type === 'invalidation_delivered')).toHaveLength(1);
});
