import { describe, expect, test } from 'bun:test';
import { type BreakerOptions, CircuitBreaker } from '../../../../src/core/primitives/circuit-breaker.ts';
import { Host, VirtualTime } from '../../../simulation/virtual-time.ts';
import { Fleet } from '../../../support/core-fixture.ts';

interface Fixture {
  readonly breaker: CircuitBreaker;
  readonly transitions: string[];
  /** Lets time pass. */
  run(ms: number): void;
  /** Records calls that begin and end now. */
  calls(successes: number, failures: number): void;
}

/** @param chance What the generator always draws: 0 is no jitter, 1 the most. */
function fixture(options: BreakerOptions = {}, chance = 0): Fixture {
  const time = new VirtualTime();
  const transitions: string[] = [];
  const random = { next: () => chance, token: () => '' };
  const note = (from: string, to: string): void => void transitions.push(`${from} → ${to}`);
  const breaker = new CircuitBreaker(time.clockOf(new Host('here')), random, note, options);
  return {
    breaker,
    transitions,
    run: (ms) => time.runUntil(time.now + ms),
    calls(successes, failures) {
      const { generation } = breaker;
      for (let done = 0; done < successes; done += 1) breaker.record(true, generation);
      for (let done = 0; done < failures; done += 1) breaker.record(false, generation);
    },
  };
}

describe('a closed breaker', () => {
  test('opens at half of at least five calls failing within a second', () => {
    const { breaker, calls, transitions } = fixture();
    calls(3, 2);
    expect(breaker.state.kind).toBe('closed');
    calls(0, 1);
    expect(breaker.state).toMatchObject({ kind: 'open', openMs: 250, retryAt: 250 });
    expect(transitions).toEqual(['closed → open']);
  });

  test('does not open on fewer than five calls', () => {
    const { breaker, calls } = fixture();
    calls(0, 4);
    expect(breaker.isClosed).toBe(true);
    calls(0, 1);
    expect(breaker.isClosed).toBe(false);
  });

  test('stays closed while most calls succeed, however many fail', () => {
    const { breaker, calls } = fixture();
    for (let round = 0; round < 100; round += 1) calls(11, 10);
    expect(breaker.isClosed).toBe(true);
  });

  test('forgets what is older than its window', () => {
    const { breaker, calls, run } = fixture();
    calls(0, 4);
    run(1_000);
    calls(0, 4);
    expect(breaker.isClosed).toBe(true);
    run(500);
    calls(0, 1);
    expect(breaker.isClosed).toBe(false);
  });

  test('counts a window that runs over the end of its ring', () => {
    const { breaker, calls, run } = fixture();
    run(950);
    calls(0, 2);
    run(400);
    calls(0, 2);
    run(400);
    calls(0, 1);
    expect(breaker.isClosed).toBe(false);
  });

  test('opens at once when it is tripped, and by the numbers that it was given', () => {
    const tripped = fixture();
    tripped.breaker.trip();
    expect(tripped.breaker.isClosed).toBe(false);
    const { breaker, calls } = fixture({ minimumCalls: 2, failureRatio: 1, openMs: 10 });
    calls(1, 5);
    expect(breaker.isClosed).toBe(true);
    const strict = fixture({ minimumCalls: 2, failureRatio: 1, openMs: 10 });
    strict.calls(0, 2);
    expect(strict.breaker.trialAt).toBe(10);
  });
});

describe('an open breaker', () => {
  test('gives one trial, when its time has come', () => {
    const { breaker, run } = fixture();
    breaker.trip();
    run(249);
    expect(breaker.beginTrial()).toBe(false);
    run(1);
    expect(breaker.trialAt).toBe(250);
    expect(breaker.beginTrial()).toBe(true);
    expect(breaker.state.kind).toBe('half-open');
    expect(breaker.trialAt).toBeUndefined();
    expect(breaker.beginTrial()).toBe(false);
    expect(breaker.isClosed).toBe(false);
  });

  test('gives its trial earlier to a caller with a new connection', () => {
    const { breaker } = fixture();
    breaker.trip();
    expect(breaker.beginTrial(true)).toBe(true);
  });

  test('doubles its time with every failed trial, up to the longest', () => {
    const { breaker, run } = fixture();
    breaker.trip();
    const times: number[] = [];
    for (let trial = 0; trial < 5; trial += 1) {
      const { state } = breaker;
      if (state.kind !== 'open') throw new Error('It should be open');
      times.push(state.retryAt - state.since);
      run(state.retryAt - state.since);
      breaker.beginTrial();
      breaker.reopen();
    }
    expect(times).toEqual([250, 500, 750, 750, 750]);
  });

  test('shortens its time by up to a quarter, so that a fleet does not try as one', () => {
    expect(fixture({}, 0).breaker).toBeDefined();
    const { breaker } = fixture({}, 1);
    breaker.trip();
    expect(breaker.trialAt).toBe(250 * 0.75);
  });

  test('begins with the shortest time again once it has closed', () => {
    const { breaker, run, transitions } = fixture({ settleMs: 0 });
    breaker.trip();
    run(250);
    breaker.beginTrial();
    breaker.reopen();
    run(500);
    breaker.beginTrial();
    breaker.pass();
    breaker.trip();
    expect(breaker.state).toMatchObject({ openMs: 250 });
    expect(transitions).toEqual([
      'closed → open',
      'open → half-open',
      'half-open → open',
      'open → half-open',
      'half-open → closed',
      'closed → open',
    ]);
  });

  test('stays half-open after the first trial that passes, until the tier has settled', () => {
    const { breaker, run, transitions } = fixture();
    breaker.trip();
    run(5_000);
    breaker.beginTrial();
    expect(breaker.isAnswering).toBe(false);
    breaker.pass();
    expect([breaker.isAnswering, breaker.isClosed, breaker.closesAt]).toEqual([true, false, 6_000]);
    run(500);
    breaker.pass();
    expect([breaker.isClosed, breaker.closesAt]).toEqual([false, 6_000]);
    run(500);
    expect(breaker.isClosed).toBe(false);
    breaker.pass();
    expect(breaker.isClosed).toBe(true);
    expect(transitions).toEqual(['closed → open', 'open → half-open', 'half-open → closed']);
  });

  test('waits no longer for that than the tier was away', () => {
    const { breaker, run } = fixture();
    breaker.trip();
    run(250);
    breaker.beginTrial();
    breaker.pass();
    expect(breaker.closesAt).toBe(500);
  });

  test('opens again when a trial fails in that time', () => {
    const { breaker, run } = fixture();
    breaker.trip();
    run(5_000);
    breaker.beginTrial();
    breaker.pass();
    run(500);
    breaker.reopen();
    expect(breaker.state).toMatchObject({ kind: 'open', openMs: 500 });
    expect([breaker.isAnswering, breaker.closesAt]).toEqual([false, undefined]);
    run(500);
    breaker.beginTrial();
    breaker.pass();
    expect(breaker.closesAt).toBe(7_000);
  });

  test('closes with an empty window, whenever that is', () => {
    const { breaker, calls, run } = fixture();
    calls(0, 2);
    run(100);
    calls(0, 3);
    expect(breaker.isClosed).toBe(false);
    breaker.beginTrial(true);
    breaker.pass();
    run(100);
    calls(0, 1);
    expect(breaker.isClosed).toBe(true);
  });

  test('takes no notice of calls that began before it opened or closed', () => {
    const { breaker, calls } = fixture();
    const { generation } = breaker;
    breaker.trip();
    breaker.beginTrial(true);
    breaker.pass();
    for (let late = 0; late < 100; late += 1) breaker.record(false, generation);
    expect(breaker.isClosed).toBe(true);
    calls(0, 5);
    expect(breaker.isClosed).toBe(false);
  });

  test('neither trips nor closes twice', () => {
    const { breaker, transitions } = fixture();
    breaker.pass();
    breaker.trip();
    breaker.trip();
    breaker.reopen();
    expect(transitions).toEqual(['closed → open']);
  });
});

describe('a forced breaker', () => {
  test('stays open whatever trials say, until it is released', () => {
    const { breaker, calls, run, transitions } = fixture();
    breaker.force('open');
    breaker.force('open');
    calls(10, 0);
    run(10_000);
    expect(breaker.beginTrial(true)).toBe(false);
    breaker.pass();
    breaker.trip();
    expect([breaker.isClosed, breaker.isAnswering]).toEqual([false, false]);
    breaker.release();
    breaker.release();
    expect(breaker.isClosed).toBe(true);
    expect(transitions).toEqual(['closed → forced-open', 'forced-open → closed']);
  });

  test('stays closed whatever calls say, until it is released', () => {
    const { breaker, calls, transitions } = fixture();
    breaker.trip();
    breaker.force('closed');
    calls(0, 100);
    breaker.trip();
    breaker.reopen();
    expect([breaker.isClosed, breaker.isAnswering]).toEqual([true, true]);
    breaker.release();
    calls(0, 4);
    expect(breaker.isClosed).toBe(true);
    calls(0, 1);
    expect(breaker.isClosed).toBe(false);
    expect(transitions).toEqual(['closed → open', 'open → forced-closed', 'forced-closed → closed', 'closed → open']);
  });
});

describe('L2 behind its breaker', () => {
  test('is not asked while it is open: every read goes to the source at once', () => {
    const fleet = new Fleet();
    fleet.hold('request', 'i0.data');
    for (let call = 0; call < 5; call += 1) fleet.settle(fleet.cache().getOrSet(`k${call}`, () => 1));
    expect(fleet.cache().health().l2).toMatchObject({ healthy: false, breaker: 'open' });
    fleet.member().calls.length = 0;
    const began = fleet.time.now;
    const lookup = fleet.settle(fleet.cache().lookup('new', () => 1));
    expect(lookup.steps.l2).toMatchObject({ outcome: 'bypass', reason: 'breaker-open' });
    expect(fleet.time.now).toBe(began);
    expect(fleet.member().calls).toEqual([]);
  });

  test('is tripped by two heartbeats in a row, with no traffic at all', () => {
    const fleet = new Fleet();
    const gate = fleet.hold('request', 'i0.data');
    fleet.run(1_500);
    expect(fleet.cache().health().l2?.breaker).not.toBe('closed');
    expect(fleet.member().events.map(({ type }) => type)).toContain('l2_down');
    gate.open();
    fleet.run(2_000);
    expect(fleet.cache().health().l2).toMatchObject({ healthy: true, breaker: 'closed' });
    expect(fleet.member().events.filter(({ type }) => type === 'l2_up')).toHaveLength(1);
  });

  test('is tried at once on a new connection', () => {
    const fleet = new Fleet();
    fleet.server.stop();
    fleet.run(10_000);
    expect(fleet.cache().health().l2).toMatchObject({ connected: false, healthy: false });
    fleet.server.restart({ keepData: true });
    fleet.run(20);
    expect(fleet.cache().health().l2).toMatchObject({ connected: true, healthy: false, breaker: 'half-open' });
    fleet.run(1_000);
    expect(fleet.cache().health().l2).toMatchObject({ healthy: true, breaker: 'closed' });
  });

  test('stays open while its answers would come too late for callers, and L1 is proven by them all the same', () => {
    const fleet = new Fleet();
    const { l2 } = fleet.member();
    const gate = fleet.hold('request', 'i0.data acquire');
    const tooLate = l2.delay(80, { only: 'heartbeat', stage: 'reply' });
    for (let call = 0; call < 5; call += 1) fleet.settle(fleet.cache().getOrSet(`k${call}`, () => 1));
    for (let second = 0; second < 5; second += 1) {
      fleet.run(1_000);
      expect(fleet.cache().health()).toMatchObject({ l1: { suspended: false }, l2: { healthy: false } });
    }
    tooLate.lift();
    l2.delay(20, { only: 'heartbeat', stage: 'reply' });
    gate.open();
    fleet.run(2_000);
    expect(fleet.cache().health().l2?.healthy).toBe(true);
  });

  test('opens by heartbeats also for callers who would wait for ever', () => {
    const fleet = new Fleet({ defaults: { l2Timeout: Infinity } });
    fleet.hold('request', 'i0.data');
    fleet.run(6_000);
    expect(fleet.cache().health().l2?.healthy).toBe(false);
    expect(fleet.settle(fleet.cache().getOrSet('k', () => 'loaded'))).toBe('loaded');
  });

  test('does not open for a server that refuses for a reason of its own', () => {
    const fleet = new Fleet();
    fleet.server.full = true;
    for (let call = 0; call < 20; call += 1) fleet.settle(fleet.cache().getOrSet(`k${call}`, () => 1));
    expect(fleet.cache().health().l2?.breaker).toBe('closed');
  });
});
