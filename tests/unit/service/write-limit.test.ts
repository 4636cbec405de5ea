import { describe, expect, test } from 'bun:test';
import { WriteLimit } from '../../../src/service/routes/write-limit.ts';
import { TestClock } from '../../../src/testing/test-clock.ts';

const NEVER = new AbortController().signal;

/** Lets everything happen that can. */
const settled = () => new Promise<void>((resolve) => void setImmediate(resolve));

/** Changes that end when they are told to, in the order in which they began. */
function changes() {
  const began: string[] = [];
  const ends: (() => void)[] = [];
  const change = (name: string) => (): Promise<string> => {
    began.push(name);
    return new Promise((resolve) => ends.push(() => resolve(name)));
  };
  return { began, change, endNext: () => ends.shift()?.() };
}

describe('changes', () => {
  test('leave a fifth of the connections, and one at least; where there is but one they take it', async () => {
    for (const [pool, places] of [
      [10, 8],
      [4, 3],
      [2, 1],
      [1, 1],
    ] as const) {
      const { began, change, endNext } = changes();
      const writes = new WriteLimit(pool, new TestClock());
      const running = Array.from({ length: 12 }, (_, n) => writes.run('1', NEVER, change(`change ${n}`)));
      await settled();
      expect([writes.running, began.length]).toEqual([places, places]);
      for (let n = 0; n < 12; n += 1) {
        endNext();
        await settled();
      }
      expect(await Promise.all(running)).toHaveLength(12);
      expect(writes.running).toBe(0);
    }
  });

  test('of one org do not hold up those of another: places go round', async () => {
    const { began, change, endNext } = changes();
    const writes = new WriteLimit(2, new TestClock());
    const running = Array.from({ length: 100 }, () => writes.run('greedy', NEVER, change('greedy')));
    running.push(writes.run('modest', NEVER, change('modest')));
    await settled();
    for (let n = 0; n < 2; n += 1) {
      endNext();
      await settled();
    }
    // The turn of the greedy one that was waiting first comes first.
    expect(began).toEqual(['greedy', 'greedy', 'modest']);
    for (let n = 0; n < 99; n += 1) {
      endNext();
      await settled();
    }
    await Promise.all(running);
  });

  test('that find no place within five seconds are refused with 503, and so are those beyond the waiting room', async () => {
    const clock = new TestClock();
    const { change } = changes();
    const writes = new WriteLimit(2, clock);
    void writes.run('1', NEVER, change('hangs'));
    const waiting = Array.from({ length: 1_000 }, () =>
      writes.run('1', NEVER, change('waits')).catch((error: { status: number }) => error.status),
    );
    await expect(writes.run('1', NEVER, change('one too many'))).rejects.toMatchObject({
      status: 503,
      headers: { 'retry-after': '1' },
    });
    await clock.advance('5s');
    expect(new Set(await Promise.all(waiting))).toEqual(new Set([503]));
  });

  test('whose client has gone do not begin, and the error of a change reaches its client', async () => {
    const { change } = changes();
    const writes = new WriteLimit(2, new TestClock());
    void writes.run('1', NEVER, change('hangs'));
    const abort = new AbortController();
    const left = writes.run('1', abort.signal, change('left')).catch((error: unknown) => error);
    abort.abort(new Error('gone'));
    expect(await left).toEqual(new Error('gone'));
    const failing = new WriteLimit(2, new TestClock()).run('1', NEVER, () => Promise.reject(new Error('refused')));
    await expect(failing).rejects.toThrow('refused');
  });
});
