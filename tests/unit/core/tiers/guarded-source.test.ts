import { describe, expect, test } from 'bun:test';
import { BreakerOpenError, InvalidOptionError, LoadShedError } from '../../../../src/index.ts';
import { Fleet, type FleetOptions } from '../../../support/core-fixture.ts';
import { HeldLoads } from '../../../support/held-loads.ts';
import { watch } from '../../../support/watch.ts';

const REFUSED = new Error('connect ECONNREFUSED');
const refused = (): never => {
  throw REFUSED;
};
const isFailure = (error: unknown): boolean => error === REFUSED;

/** A cache whose source has a breaker; every read of another key. */
function guarded(options: FleetOptions = {}) {
  const fleet = new Fleet({ source: { isFailure, slowAfter: 400 }, ...options });
  let reads = 0;
  const read = (loader: () => unknown = () => 'loaded') => fleet.cache().getOrSet(`k${reads++}`, loader);
  const fail = (): unknown => fleet.failure(read(refused));
  const breakerOf = () => fleet.cache().health().source.breaker;
  return { fleet, read, fail, breakerOf };
}

function opened(options?: FleetOptions) {
  const guard = guarded(options);
  for (let failures = 0; failures < 5; failures += 1) expect(guard.fail()).toBe(REFUSED);
  expect(guard.breakerOf()).toBe('open');
  return guard;
}

describe('a source behind its breaker', () => {
  test('is not asked once it has refused often enough, and the error says when to come back', () => {
    const { fleet, read } = opened();
    let asked = 0;
    const error = fleet.failure(read(() => (asked += 1)));
    expect(error).toBeInstanceOf(BreakerOpenError);
    expect(error).toMatchObject({ code: 'BREAKER_OPEN', key: 'k5', tier: 'source' });
    expect((error as BreakerOpenError).retryAfterMs).toBeGreaterThan(0);
    expect(asked).toBe(0);
    expect(fleet.cache().stats()).toMatchObject({ loads: 5, loadErrors: 5, loadsRefused: 1 });
  });

  test('is tried by one load when its time has come, and used again if that succeeds', () => {
    const { fleet, read, breakerOf } = opened();
    fleet.run(250);
    const loads = new HeldLoads<string>();
    const trial = watch(fleet.cache().getOrSet('trial', loads.loader));
    fleet.run(5);
    expect(fleet.cache().health().source).toEqual({ running: 1, waiting: 0, breaker: 'half-open' });
    expect(fleet.failure(read())).toBeInstanceOf(BreakerOpenError);
    loads.answer('back');
    fleet.run(5);
    expect(fleet.cache().health().source).toEqual({ running: 0, waiting: 0, breaker: 'closed' });
    expect(trial.value()).toBe('back');
    expect(breakerOf()).toBe('closed');
    expect(fleet.settle(read())).toBe('loaded');
    const transitions = fleet.member().events.filter(({ type }) => type === 'breaker_transition');
    expect(transitions.every((event) => 'tier' in event && event.tier === 'source')).toBe(true);
  });

  test('is left alone for longer after each trial that fails or hangs', () => {
    const { fleet, fail, breakerOf } = opened();
    fleet.run(250);
    expect(fail()).toBe(REFUSED);
    fleet.run(250);
    expect(fail()).toBeInstanceOf(BreakerOpenError);
    fleet.run(250);
    const hung = watch(fleet.cache().getOrSet('hung', new HeldLoads<string>().loader, { hardTimeout: '5s' }));
    fleet.run(390);
    expect(breakerOf()).toBe('half-open');
    fleet.run(20);
    expect(breakerOf()).toBe('open');
    expect(hung.state).toBe('pending');
  });

  test('is given up after loads that take too long, before they have ended', () => {
    const { fleet, read, breakerOf } = guarded();
    const loads = new HeldLoads<string>();
    for (let load = 0; load < 5; load += 1) watch(fleet.cache().getOrSet(`slow${load}`, loads.loader));
    fleet.run(390);
    expect(breakerOf()).toBe('closed');
    fleet.run(20);
    expect(breakerOf()).toBe('open');
    expect(fleet.failure(read())).toBeInstanceOf(BreakerOpenError);
  });

  test('is given up after loads that hang and hold all places, however well it was right before', () => {
    const { fleet, read, breakerOf } = guarded({ maxLoads: 5 });
    for (let load = 0; load < 50; load += 1) fleet.settle(read());
    const loads = new HeldLoads<string>();
    for (let load = 0; load < 5; load += 1) watch(fleet.cache().getOrSet(`hung${load}`, loads.loader));
    fleet.run(1_000);
    // What was well counts for a while.
    expect(breakerOf()).toBe('closed');
    fleet.run(1_500);
    expect(breakerOf()).toBe('open');
  });

  test('is not judged by what it was asked and refused, nor by callers who leave', () => {
    const { fleet, read, breakerOf } = guarded();
    for (let load = 0; load < 20; load += 1) {
      fleet.failure(read(() => Promise.reject(new Error('duplicate key'))));
      const leaving = new AbortController();
      const left = fleet.cache().getOrSet(`left${load}`, () => new Promise(() => {}), { signal: leaving.signal });
      fleet.run(1);
      leaving.abort(REFUSED);
      fleet.failure(left);
    }
    expect(breakerOf()).toBe('closed');
  });

  test('is tried again after a trial whose error could not be judged', () => {
    const fault = new TypeError('no code');
    const judge = (error: unknown): boolean => {
      if (error === REFUSED) return true;
      throw fault;
    };
    const { fleet, read, breakerOf } = opened({ source: { isFailure: judge } });
    fleet.run(250);
    const odd = new Error('odd');
    expect(fleet.failure(read(() => Promise.reject(odd)))).toBe(odd);
    expect(breakerOf()).toBe('closed');
    expect(fleet.settle(read())).toBe('loaded');
    expect(fleet.member().failures).toMatchObject([{ error: fault, operation: 'isFailure', tier: 'source' }]);
  });

  test('has the next trial soon when the caller of the last trial has left', () => {
    const { fleet, read, breakerOf } = opened();
    fleet.run(250);
    const leaving = new AbortController();
    const left = fleet.cache().getOrSet('left', () => new Promise(() => {}), { signal: leaving.signal });
    fleet.run(5);
    leaving.abort(new Error('gone'));
    fleet.failure(left);
    expect(breakerOf()).toBe('open');
    fleet.run(500);
    expect(fleet.settle(read())).toBe('loaded');
    expect(breakerOf()).toBe('closed');
  });

  test('lets no caller wait for a place once it is open', () => {
    const { fleet, breakerOf } = guarded({ maxLoads: 5 });
    const loads = new HeldLoads<string>();
    const running = [1, 2, 3, 4, 5].map((load) => fleet.cache().getOrSet(`slow${load}`, loads.loader));
    fleet.run(300);
    const waiting = fleet.cache().getOrSet('waiting', () => 'loaded');
    fleet.run(10);
    expect(fleet.cache().health().source).toEqual({ running: 5, waiting: 1, breaker: 'closed' });
    expect(fleet.failure(waiting)).toBeInstanceOf(BreakerOpenError);
    expect(breakerOf()).toBe('open');
    // Those that hang hold all places: the trial needs none.
    fleet.run(250);
    expect(fleet.settle(fleet.cache().getOrSet('trial', () => 'loaded'))).toBe('loaded');
    for (const [index, load] of running.entries()) {
      loads.answer('late', index);
      expect(fleet.settle(load)).toBe('late');
    }
  });

  test('is answered for by what is stale, flagged', () => {
    const { fleet } = guarded({ defaults: { ttl: '1s', staleIfError: '1h' } });
    fleet.settle(fleet.cache().getOrSet('k', () => 'old'));
    fleet.run(1_100);
    for (let failures = 0; failures < 5; failures += 1) fleet.failure(fleet.cache().getOrSet(`x${failures}`, refused));
    const lookup = fleet.settle(fleet.cache().lookup('k', () => 'new'));
    expect(lookup).toMatchObject({ value: 'old', state: 'stale', steps: { source: { outcome: 'failed' } } });
  });

  test('is not judged by a trial of before an operator has stepped in', () => {
    const { fleet, fail, breakerOf } = opened();
    const loads = new HeldLoads<string>();
    fleet.run(250);
    const before = watch(fleet.cache().getOrSet('before', loads.loader));
    fleet.run(5);
    fleet.cache().forceBreaker('source', 'closed');
    fleet.cache().forceBreaker('source', 'auto');
    for (let failures = 0; failures < 5; failures += 1) fail();
    fleet.run(250);
    watch(fleet.cache().getOrSet('trial', loads.loader));
    fleet.run(5);
    expect(breakerOf()).toBe('half-open');
    loads.answer('late', 0);
    fleet.run(5);
    expect([before.value(), breakerOf()]).toEqual(['late', 'half-open']);
  });

  test('can be held open and closed by an operator', () => {
    const { fleet, read, fail, breakerOf } = guarded();
    fleet.cache().forceBreaker('source', 'open');
    fleet.run(10_000);
    expect(fleet.failure(read())).toBeInstanceOf(BreakerOpenError);
    fleet.cache().forceBreaker('source', 'closed');
    for (let failures = 0; failures < 20; failures += 1) expect(fail()).toBe(REFUSED);
    expect(breakerOf()).toBe('forced-closed');
    fleet.cache().forceBreaker('source', 'auto');
    expect(breakerOf()).toBe('closed');
  });
});

describe('L2 held by an operator', () => {
  test('is not read while its breaker is held open, and L1 goes on', () => {
    const fleet = new Fleet();
    fleet.cache().forceBreaker('l2', 'open');
    expect(fleet.member().events).toContainEqual({ type: 'l2_down', reason: 'held open' });
    const lookup = fleet.settle(fleet.cache().lookup('k', () => 1));
    expect(lookup.steps.l2).toMatchObject({ outcome: 'bypass', reason: 'breaker-open' });
    fleet.run(5_000);
    expect(fleet.cache().health()).toMatchObject({ l1: { suspended: false }, l2: { breaker: 'forced-open' } });
    fleet.cache().forceBreaker('l2', 'auto');
    fleet.run(600);
    expect(fleet.settle(fleet.cache().lookup('other', () => 1)).steps.l2).toMatchObject({ stored: true });
  });

  test('is nothing that a cache without one can do', () => {
    const cache = new Fleet({ tiers: 'l1' }).cache();
    expect(() => cache.forceBreaker('l2', 'open')).toThrow(InvalidOptionError);
    expect(() => cache.forceBreaker('source', 'open')).toThrow('tier');
    expect(() => new Fleet().cache().forceBreaker('l2', 'ajar' as 'open')).toThrow('state');
  });
});

test('without a breaker of the source, errors are no reason not to ask it', () => {
  const fleet = new Fleet();
  for (let failures = 0; failures < 50; failures += 1) {
    expect(fleet.failure(fleet.cache().getOrSet(`k${failures}`, refused))).toBe(REFUSED);
  }
  expect(fleet.cache().health().source).toEqual({ running: 0, waiting: 0 });
});

test('places are shared out by tenant, the namespace unless told otherwise', () => {
  const fleet = new Fleet({ maxLoads: 1 });
  const held = new HeldLoads<string>();
  const order: string[] = [];
  const first = fleet.cache().getOrSet('first', held.loader);
  fleet.run(5);
  const note = (name: string) => () => {
    order.push(name);
    return name;
  };
  const all = [
    ...['a1', 'a2', 'a3'].map((key) => fleet.cache().namespace('a').getOrSet(key, note(key))),
    fleet.cache().namespace('b').getOrSet('b1', note('b1')),
    fleet.cache().getOrSet('c1', note('c1'), { tenant: 'c' }),
  ];
  fleet.run(5);
  held.answer('done');
  for (const load of [first, ...all]) fleet.settle(load);
  expect(order).toEqual(['a1', 'b1', 'c1', 'a2', 'a3']);
});

test('a caller waits no longer for a place than for a load', () => {
  const fleet = new Fleet({ maxLoads: 1 });
  watch(fleet.cache().getOrSet('first', new HeldLoads<string>().loader));
  fleet.run(5);
  const began = fleet.time.now;
  expect(fleet.failure(fleet.cache().getOrSet('k', () => 1, { hardTimeout: 200 }))).toBeInstanceOf(LoadShedError);
  expect(fleet.time.now - began).toBeLessThan(250);
});

test('a shed load is counted as refused, and none was begun', () => {
  const fleet = new Fleet({ maxLoads: 1 });
  const held = new HeldLoads<string>();
  watch(fleet.cache().getOrSet('first', held.loader));
  fleet.run(5);
  expect(fleet.failure(fleet.cache().getOrSet('k', () => 1))).toBeInstanceOf(LoadShedError);
  expect(fleet.cache().stats()).toMatchObject({ loads: 1, loadErrors: 0, loadsRefused: 1 });
});
