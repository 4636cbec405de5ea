import { describe, expect, test } from 'bun:test';
import { BackgroundTasks } from '../../../../src/core/primitives/background-tasks.ts';
import { systemClock, systemRandom } from '../../../../src/core/primitives/clock.ts';
import { pause, TimeoutExceeded, withTimeout } from '../../../../src/core/primitives/timeout.ts';
import { Host, VirtualTime } from '../../../simulation/virtual-time.ts';
import { watch } from '../../../support/watch.ts';

function clocks() {
  const time = new VirtualTime();
  return { clock: time.clockOf(new Host('here')), run: (ms: number) => time.runUntil(time.now + ms) };
}

describe('within a budget', () => {
  test('work settles as it does by itself', () => {
    const { clock, run } = clocks();
    expect(watch(withTimeout(clock, 10, Promise.resolve('value'))).value()).toBe('value');
    expect(() => watch(withTimeout(clock, 10, Promise.reject(new Error('own')))).value()).toThrow('own');
    const endless = Promise.withResolvers<string>();
    const waiting = watch(withTimeout(clock, Infinity, endless.promise));
    run(60_000);
    expect(waiting.state).toBe('pending');
    endless.resolve('late');
    expect(waiting.value()).toBe('late');
  });

  test('it is given up when the time is over, and a late result is handed to the callback that undoes it', () => {
    const { clock, run } = clocks();
    const { promise, resolve } = Promise.withResolvers<string>();
    const late: string[] = [];
    const budgeted = watch(withTimeout(clock, 10, promise, (value) => late.push(value)));
    run(9);
    expect(budgeted.state).toBe('pending');
    run(1);
    expect(() => budgeted.value()).toThrow(TimeoutExceeded);
    expect(() => budgeted.value()).toThrow('No answer within 10 ms');
    resolve('too late');
    run(1);
    expect(late).toEqual(['too late']);
  });

  test('what has arrived while the process was held up is not late, though its timer comes first', async () => {
    let fire = (): void => {};
    const held = {
      now: () => 0,
      wall: () => 0,
      after(_ms: number, run: () => void) {
        fire = run;
        return () => {};
      },
    };
    const { promise, resolve } = Promise.withResolvers<string>();
    const budgeted = watch(withTimeout(held, 10, promise));
    fire();
    resolve('arrived');
    await promise;
    fire();
    expect(budgeted.value()).toBe('arrived');
  });

  test('a late error is dropped and is not an unhandled rejection', () => {
    const { clock, run } = clocks();
    const { promise, reject } = Promise.withResolvers<string>();
    const budgeted = watch(withTimeout(clock, 10, promise));
    run(10);
    reject(new Error('late'));
    run(1);
    expect(budgeted.state).toBe('rejected');
  });
});

describe('a pause', () => {
  test('ends with its time or with the signal', () => {
    const { clock, run } = clocks();
    const abort = new AbortController();
    const [timed, cut] = [watch(pause(clock, 10, new AbortController().signal)), watch(pause(clock, 10, abort.signal))];
    run(5);
    abort.abort();
    expect([timed.state, cut.state]).toEqual(['pending', 'fulfilled']);
    run(5);
    expect(timed.state).toBe('fulfilled');
    expect(watch(pause(clock, 10, abort.signal)).state).toBe('fulfilled');
  });
});

describe('background work', () => {
  test('is waited for, what it begins included, and its errors are told', () => {
    const errors: unknown[] = [];
    const tasks = new BackgroundTasks((error) => errors.push(error));
    const [first, second] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
    tasks.track(first.promise.then(() => tasks.track(second.promise)));
    const drained = watch(tasks.drain());
    first.resolve();
    expect(drained.state).toBe('pending');
    second.reject('failed');
    expect(drained.state).toBe('fulfilled');
    expect(errors).toEqual(['failed']);
    expect(tasks.size).toBe(0);
  });
});

describe('the system’s own', () => {
  test('clock never goes back, and a cancelled call never comes', async () => {
    const calls: string[] = [];
    systemClock.after(0, () => calls.push('cancelled'))();
    const { promise, resolve } = Promise.withResolvers<void>();
    const before = systemClock.now();
    systemClock.after(1, resolve);
    const never = systemClock.after(Infinity, () => calls.push('never'));
    await promise;
    expect(systemClock.now()).toBeGreaterThan(before);
    never();
    expect(calls).toEqual([]);
  });

  test('tokens are 22 characters that a Redis key may hold, and never the same', () => {
    const tokens = Array.from({ length: 1_000 }, () => systemRandom.token());
    expect(new Set(tokens).size).toBe(1_000);
    for (const token of tokens) expect(token).toMatch(/^[A-Za-z0-9_-]{22}$/);
    expect(systemRandom.next()).toBeWithin(0, 1);
  });
});
