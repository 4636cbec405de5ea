import { describe, expect, test } from 'bun:test';
import type { ChaosRemoteTier, Fault } from '../../../../src/testing/index.ts';
import { Fleet, roundTrips } from '../../../support/core-fixture.ts';
import { HeldLoads } from '../../../support/held-loads.ts';
import { watch } from '../../../support/watch.ts';

describe('in one process', () => {
  test('1,000 concurrent callers of a key cause one load and get its value', () => {
    const fleet = new Fleet();
    const loads = new HeldLoads<object>();
    const callers = Array.from({ length: 1_000 }, () => watch(fleet.cache().lookup('k', loads.loader)));
    fleet.run(10);
    loads.answer({ n: 1 });
    fleet.run(10);
    const lookups = callers.map((caller) => caller.value());
    expect(loads.count).toBe(1);
    expect(new Set(lookups.map(({ value }) => value)).size).toBe(1);
    expect(lookups.filter(({ collapsed }) => collapsed)).toHaveLength(999);
    expect(fleet.cache().stats()).toMatchObject({ loads: 1, collapsed: 999 });
  });

  test('keys do not wait for each other', () => {
    const fleet = new Fleet();
    const slow = watch(fleet.cache().getOrSet('slow', new HeldLoads<string>().loader));
    expect(fleet.settle(fleet.cache().getOrSet('quick', () => 'done'))).toBe('done');
    expect(slow.state).toBe('pending');
  });

  test('a hung load delays no caller after its timeout', () => {
    const fleet = new Fleet();
    const hung = watch(fleet.cache().getOrSet('k', new HeldLoads<string>().loader, { hardTimeout: 100 }));
    fleet.run(110);
    expect(hung.state).toBe('rejected');
    expect(fleet.settle(fleet.cache().getOrSet('k', () => 'done'))).toBe('done');
  });

  test('a key never has more than two loads at once, however many callers will not join', () => {
    const fleet = new Fleet();
    let running = 0;
    let most = 0;
    const load = () => {
      running += 1;
      most = Math.max(most, running);
      const { promise, resolve } = Promise.withResolvers<number>();
      fleet.time.at(fleet.time.now + 20, () => {
        running -= 1;
        resolve(1);
      });
      return promise;
    };
    const callers = Array.from({ length: 7 }, () => watch(fleet.cache().getOrSet('k', load, { forceFresh: true })));
    fleet.run(1_000);
    for (const caller of callers) expect(caller.value()).toBe(1);
    expect(most).toBe(2);
  });

  test('any number of gets travel together, and wait for no load', () => {
    const fleet = new Fleet({ instances: 2 });
    fleet.settle(fleet.cache(0).getOrSet('there', () => 1));
    const { cache } = fleet.member(1);
    const hung = [1, 2].map(() => watch(cache.getOrSet('none', new HeldLoads<number>().loader, { forceFresh: true })));
    fleet.run(60);
    fleet.member(1).calls.length = 0;
    const began = fleet.time.now;
    const gets = Array.from({ length: 50 }, () => watch(cache.get('there')));
    const none = Array.from({ length: 50 }, () => watch(cache.get('none')));
    fleet.run(5);
    for (const get of gets) expect(get.value()).toBe(1);
    for (const get of none) expect(get.value()).toBeUndefined();
    expect(fleet.time.now - began).toBe(5);
    expect(roundTrips(fleet.member(1))).toBeLessThanOrEqual(2);
    for (const each of hung) expect(each.state).toBe('pending');
  });
});

describe('in the fleet', () => {
  test('a cold key is loaded once, and everybody gets the value', () => {
    const fleet = new Fleet({ instances: 4 });
    const loads = new HeldLoads<string>();
    const callers = fleet.members.flatMap(({ cache }) =>
      Array.from({ length: 25 }, () => watch(cache.lookup('k', loads.loader))),
    );
    fleet.run(100);
    expect(loads.count).toBe(1);
    loads.answer('value');
    fleet.run(100);
    const lookups = callers.map((caller) => caller.value());
    expect(new Set(lookups.map(({ value }) => value))).toEqual(new Set(['value']));
    expect(lookups.filter(({ steps }) => steps.l2?.collapsed)).toHaveLength(75);
    expect(loads.count).toBe(1);
  });

  test('a holder that dies loses its lease, and another takes over', () => {
    const fleet = new Fleet({ instances: 2, defaults: { lease: '2s' } });
    const dead = watch(fleet.cache(0).getOrSet('k', new HeldLoads<string>().loader));
    fleet.run(5);
    fleet.member(0).host.crashed = true;
    const loads = new HeldLoads<string>();
    const waiting = watch(fleet.cache(1).getOrSet('k', loads.loader));
    fleet.run(1_900);
    expect(loads.count).toBe(0);
    fleet.run(200);
    loads.answer('taken over');
    fleet.run(5);
    expect(waiting.value()).toBe('taken over');
    expect(dead.state).toBe('pending');
  });

  test('a lease is renewed for as long as the load lasts', () => {
    const fleet = new Fleet({ instances: 2, defaults: { lease: '1s', hardTimeout: '20s' } });
    const loads = new HeldLoads<string>();
    const holder = watch(fleet.cache(0).getOrSet('k', loads.loader));
    const waiting = watch(fleet.cache(1).getOrSet('k', loads.loader));
    fleet.run(8_000);
    expect(loads.count).toBe(1);
    loads.answer('at last');
    fleet.run(100);
    expect([holder.value(), waiting.value()]).toEqual(['at last', 'at last']);
    const after = fleet.member(0).calls.length;
    fleet.run(2_000);
    expect(
      fleet
        .member(0)
        .calls.slice(after)
        .filter(({ operation }) => operation === 'renew'),
    ).toEqual([]);
  });

  test('a lease that is granted after its caller gave up is given back, not used', () => {
    const fleet = new Fleet({ instances: 2 });
    const gate = fleet.hold('reply', 'i0.data acquire k');
    const lookup = fleet.settle(fleet.cache(0).lookup('k', () => 'loaded meanwhile'));
    expect(lookup).toMatchObject({
      tier: 'source',
      steps: { l2: { outcome: 'bypass', reason: 'timeout', stored: false } },
    });
    gate.open();
    fleet.run(5);
    const operations = fleet.member(0).calls.map(({ operation }) => operation);
    expect(operations).toContain('release');
    expect(operations).not.toContain('fill');
    expect(fleet.settle(fleet.cache(1).lookup('k', () => 'second')).tier).toBe('source');
  });

  const failures: Readonly<Record<string, (l2: ChaosRemoteTier) => Fault>> = {
    'gave no answer in time': (l2) => l2.hang({ only: 'acquire' }),
    'was refused': (l2) => l2.fail('denied', { only: 'acquire' }),
    'could not be sent': (l2) => l2.fail('unavailable', { only: 'acquire' }),
  };
  for (const [how, strike] of Object.entries(failures)) {
    test(`a lookup whose read of L2 ${how} loads, and sends no fill`, () => {
      const fleet = new Fleet();
      strike(fleet.member().l2);
      const lookup = fleet.settle(fleet.cache().lookup('k', () => 'value'));
      expect(lookup).toMatchObject({
        value: 'value',
        tier: 'source',
        steps: { l2: { outcome: 'bypass', stored: false } },
      });
      fleet.run(100);
      expect(fleet.member().calls.map(({ operation }) => operation)).not.toContain('fill');
    });
  }

  test('a lease whose tags could not be read is given back', () => {
    const fleet = new Fleet({ instances: 2 });
    fleet.member().l2.fail('denied', { only: 'tagGenerations' });
    expect(fleet.settle(fleet.cache(0).lookup('k', () => 1, { tags: ['t'] }))).toMatchObject({ tier: 'source' });
    fleet.run(5);
    const began = fleet.time.now;
    fleet.settle(fleet.cache(1).getOrSet('k', () => 2));
    expect(fleet.time.now - began).toBeLessThan(10);
  });

  test('a lease whose fill was lost is given back', () => {
    const fleet = new Fleet({ instances: 2 });
    fleet.hold('request', 'i0.data fill k');
    const lookup = fleet.settle(fleet.cache(0).lookup('k', () => 1));
    expect(lookup).toMatchObject({ value: 1, steps: { l1: { stored: true }, l2: { stored: false } } });
    fleet.run(5);
    const began = fleet.time.now;
    expect(fleet.settle(fleet.cache(1).getOrSet('k', () => 2))).toBe(2);
    expect(fleet.time.now - began).toBeLessThan(10);
    expect(fleet.cache(0).stats().tiers.l2).toMatchObject({ fillsFailed: 1 });
  });
});

describe('while L2 is full', () => {
  test('what it holds is still read, and what it cannot store is loaded without waiting', () => {
    const fleet = new Fleet({ instances: 2 });
    fleet.settle(fleet.cache(0).getOrSet('there', () => 'stored before'));
    fleet.settle(fleet.cache(1).getOrSet('other', () => 1));
    fleet.server.full = true;
    expect(fleet.settle(fleet.cache(1).lookup('there', () => 'unwanted'))).toMatchObject({
      value: 'stored before',
      tier: 'l2',
    });
    const began = fleet.time.now;
    expect(fleet.settle(fleet.cache(1).lookup('new', () => 'loaded'))).toMatchObject({
      value: 'loaded',
      tier: 'source',
    });
    expect(fleet.time.now - began).toBeLessThan(10);
    expect(fleet.cache(1).health().l2?.breaker).toBe('closed');
  });
});
