import { describe, expect, test } from 'bun:test';
import { LoadLimit } from '../../../src/core/load-limit.ts';
import { LoadShedError } from '../../../src/index.ts';
import { Host, VirtualTime } from '../../simulation/virtual-time.ts';

const NEVER = new AbortController().signal;

/** A load that ends when told to. */
function gate(): { load: () => Promise<string>; open: () => void } {
  const { promise, resolve } = Promise.withResolvers<string>();
  return { load: () => promise, open: () => resolve('loaded') };
}

function limitOf(places: number): { limit: LoadLimit; time: VirtualTime } {
  const time = new VirtualTime();
  return { limit: new LoadLimit(time.clockOf(new Host('here')), places), time };
}

describe('a limit on loads', () => {
  test('lets a load wait for a place, in the order of asking', async () => {
    const { limit } = limitOf(1);
    const first = gate();
    const order: string[] = [];
    const running = limit.run('a', NEVER, first.load);
    const second = limit.run('b', NEVER, async () => order.push('b'));
    const third = limit.run('c', NEVER, async () => order.push('c'));
    expect([limit.running, limit.waiting]).toEqual([1, 2]);
    first.open();
    await Promise.all([running, second, third]);
    expect(order).toEqual(['b', 'c']);
    expect([limit.running, limit.waiting]).toEqual([0, 0]);
  });

  test('never runs more at once than it allows, whoever asks while a place is handed over', async () => {
    const { limit } = limitOf(2);
    let running = 0;
    let most = 0;
    const load = async (): Promise<void> => {
      running += 1;
      most = Math.max(most, running);
      await Promise.resolve();
      running -= 1;
    };
    await Promise.all(Array.from({ length: 30 }, () => limit.run('k', NEVER, load)));
    expect(most).toBe(2);
  });

  test('refuses at once when too many wait already', async () => {
    const { limit } = limitOf(1);
    const first = gate();
    const all = Array.from({ length: 17 }, () => limit.run('k', NEVER, first.load));
    await expect(limit.run('one-too-many', NEVER, first.load)).rejects.toThrow(LoadShedError);
    first.open();
    await Promise.all(all);
  });

  test('refuses when no place becomes free in time', async () => {
    const { limit, time } = limitOf(1);
    const first = gate();
    const running = limit.run('a', NEVER, first.load);
    const waiting = limit.run('b', NEVER, first.load);
    const refused = waiting.catch((error: unknown) => error);
    time.runUntil(1_000);
    expect(await refused).toMatchObject({ code: 'LOAD_SHED', key: 'b', retryAfterMs: 1_000 });
    first.open();
    await running;
  });

  test('forgets a caller who leaves, and passes on what a load throws', async () => {
    const { limit } = limitOf(1);
    const first = gate();
    const leaving = new AbortController();
    const running = limit.run('a', NEVER, first.load);
    const waiting = limit.run('b', leaving.signal, first.load);
    leaving.abort(new Error('gone'));
    await expect(waiting).rejects.toThrow('gone');
    await expect(limit.run('b', leaving.signal, first.load)).rejects.toThrow('gone');
    first.open();
    await running;
    await expect(limit.run('c', NEVER, () => Promise.reject(new Error('no row')))).rejects.toThrow('no row');
    expect([limit.running, limit.waiting]).toEqual([0, 0]);
  });
});
