import { describe, expect, test } from 'bun:test';
import { TestClock } from '../../../src/testing/index.ts';

describe('the test clock', () => {
  test('stands still until it is moved', async () => {
    const clock = new TestClock();
    let rang = false;
    clock.after(1, () => {
      rang = true;
    });
    for (let turn = 0; turn < 100; turn += 1) await Promise.resolve();
    await clock.advance(0);
    expect([clock.now(), rang]).toEqual([0, false]);
    await clock.advance('1ms');
    expect([clock.now(), rang]).toEqual([1, true]);
  });

  test('lets happen what is due in its order, at its moment, and what follows from it in between', async () => {
    const clock = new TestClock();
    const seen: string[] = [];
    const note = (what: string): void => void seen.push(`${what} at ${clock.now()}`);
    clock.after(20, () => note('second'));
    clock.after(20, () => note('third'));
    clock.after(10, async () => {
      note('first');
      for (let hop = 0; hop < 50; hop += 1) await Promise.resolve();
      note('its end');
      clock.after(5, () => note('what it began'));
    });
    clock.after(31, () => note('too late'));
    clock.after(Infinity, () => note('never'));
    const cancel = clock.after(15, () => note('cancelled'));
    cancel();
    await clock.advance(30);
    expect(seen).toEqual(['first at 10', 'its end at 10', 'what it began at 15', 'second at 20', 'third at 20']);
    expect(clock.now()).toBe(30);
  });

  test('is moved by one at a time', async () => {
    const clock = new TestClock();
    await Promise.all([clock.advance(10), clock.advance(10)]);
    expect(clock.now()).toBe(20);
  });

  test('lets a day pass in no time', async () => {
    const clock = new TestClock();
    let beats = 0;
    const beat = (): void => {
      beats += 1;
      clock.after(60_000, beat);
    };
    beat();
    await clock.advance('1d');
    expect(beats).toBe(24 * 60 + 1);
  });

  test('settles a promise in as much time as it takes', async () => {
    const clock = new TestClock();
    const answer = new Promise<string>((resolve) => void clock.after(250, () => resolve('there')));
    clock.after(251, () => {
      throw new Error('not due');
    });
    expect(await clock.settle(answer)).toBe('there');
    expect(clock.now()).toBe(250);
    expect(await clock.settle(Promise.resolve(1))).toBe(1);
    expect(clock.now()).toBe(250);
  });

  test('passes a rejection on', async () => {
    const clock = new TestClock();
    const failing = new Promise((_, reject) => void clock.after(5, () => reject(new Error('no'))));
    await expect(clock.settle(failing)).rejects.toThrow('no');
  });

  test('says what a promise may be waiting for that does not settle', async () => {
    const clock = new TestClock();
    clock.after(100, () => {});
    const never = new Promise<void>(() => {});
    await expect(clock.settle(never)).rejects.toThrow(/nothing more is due within 1h .* real timer/);
    await expect(clock.settle(never, '1m')).rejects.toThrow('within 1m');
  });

  test('goes on after something that was due has thrown, which is told to who moved it', async () => {
    const clock = new TestClock();
    clock.after(1, () => {
      throw new Error('of the test');
    });
    await expect(clock.advance(2)).rejects.toThrow('of the test');
    await clock.advance(2);
    expect(clock.now()).toBe(3);
  });

  test.each([-1, Number.NaN, Infinity, '1 hour' as '1h'])('refuses to be moved by %p', async (duration) => {
    await expect(new TestClock().advance(duration)).rejects.toMatchObject({
      code: 'INVALID_OPTION',
      option: 'duration',
    });
  });
});
