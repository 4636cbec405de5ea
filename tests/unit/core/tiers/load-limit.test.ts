import { describe, expect, test } from 'bun:test';
import { LoadLimit, type LoadOrder } from '../../../../src/core/tiers/load-limit.ts';
import { LoadShedError } from '../../../../src/index.ts';
import { Host, VirtualTime } from '../../../simulation/virtual-time.ts';

const NEVER = new AbortController().signal;

/** A load that ends when told to. */
function gate(): { load: () => Promise<string>; open: () => void } {
  const { promise, resolve } = Promise.withResolvers<string>();
  return { load: () => promise, open: () => resolve('loaded') };
}

function order(
  key: string,
  { tenant = '', signal = NEVER, patienceMs = Infinity }: Partial<LoadOrder> = {},
): LoadOrder {
  return { key, tenant, signal, patienceMs };
}

function limitOf(places: number): { limit: LoadLimit; time: VirtualTime } {
  const time = new VirtualTime();
  return { limit: new LoadLimit(time.clockOf(new Host('here')), places), time };
}

describe('a limit on loads', () => {
  test('lets a load wait for a place, in the order of asking', async () => {
    const { limit } = limitOf(1);
    const first = gate();
    const began: string[] = [];
    const running = limit.run(order('a'), first.load);
    const second = limit.run(order('b'), async () => began.push('b'));
    const third = limit.run(order('c'), async () => began.push('c'));
    expect([limit.running, limit.waiting]).toEqual([1, 2]);
    first.open();
    await Promise.all([running, second, third]);
    expect(began).toEqual(['b', 'c']);
    expect([limit.running, limit.waiting]).toEqual([0, 0]);
  });

  test('never runs more loads at once than it allows, even while a place is handed over', async () => {
    const { limit } = limitOf(2);
    let running = 0;
    let most = 0;
    const load = async (): Promise<void> => {
      running += 1;
      most = Math.max(most, running);
      await Promise.resolve();
      running -= 1;
    };
    await Promise.all(Array.from({ length: 30 }, () => limit.run(order('k'), load)));
    expect(most).toBe(2);
  });

  test('refuses at once when too many wait already', async () => {
    const { limit } = limitOf(1);
    const first = gate();
    const all = Array.from({ length: 17 }, () => limit.run(order('k'), first.load));
    await expect(limit.run(order('one-too-many'), first.load)).rejects.toThrow(LoadShedError);
    first.open();
    await Promise.all(all);
  });

  test('refuses when no place becomes free in time', async () => {
    const { limit, time } = limitOf(1);
    const first = gate();
    const running = limit.run(order('a'), first.load);
    const waiting = limit.run(order('b'), first.load);
    const refused = waiting.catch((error: unknown) => error);
    time.runUntil(1_000);
    expect(await refused).toMatchObject({ code: 'LOAD_SHED', key: 'b', retryAfterMs: 1_000 });
    first.open();
    await running;
  });

  test('makes no caller wait longer for a place than for a load', async () => {
    const { limit, time } = limitOf(1);
    const first = gate();
    const running = limit.run(order('a'), first.load);
    const refused = limit.run(order('b', { patienceMs: 200 }), first.load).catch((error: unknown) => error);
    time.runUntil(200);
    expect(limit.waiting).toBe(0);
    expect(await refused).toBeInstanceOf(LoadShedError);
    first.open();
    await running;
  });

  test('counts what runs, also where it allows everything', async () => {
    const { limit } = limitOf(Infinity);
    const first = gate();
    const running = [1, 2, 3].map(() => limit.run(order('a'), first.load));
    expect([limit.running, limit.waiting]).toEqual([3, 0]);
    first.open();
    await Promise.all(running);
    expect([limit.running, limit.tenants]).toEqual([0, 0]);
  });

  test('forgets a caller who leaves, and passes on what a load throws', async () => {
    const { limit } = limitOf(1);
    const first = gate();
    const leaving = new AbortController();
    const running = limit.run(order('a'), first.load);
    const waiting = limit.run(order('b', { signal: leaving.signal }), first.load);
    leaving.abort(new Error('gone'));
    await expect(waiting).rejects.toThrow('gone');
    await expect(limit.run(order('b', { signal: leaving.signal }), first.load)).rejects.toThrow('gone');
    first.open();
    await running;
    await expect(limit.run(order('c'), () => Promise.reject(new Error('no row')))).rejects.toThrow('no row');
    expect([limit.running, limit.waiting]).toEqual([0, 0]);
  });

  test('refuses all that wait when told to', async () => {
    const { limit } = limitOf(1);
    const first = gate();
    const running = limit.run(order('a'), first.load);
    const waiting = ['b', 'c'].map((key) => limit.run(order(key, { tenant: key }), first.load));
    limit.dismiss((key) => new Error(`not ${key}`));
    const refused = await Promise.all(waiting.map((each) => each.catch((error: Error) => error.message)));
    expect(refused).toEqual(['not b', 'not c']);
    expect([limit.running, limit.waiting]).toEqual([1, 0]);
    first.open();
    await running;
  });
});

describe('tenants before a limit on loads', () => {
  test('take turns, however much one of them asks for', async () => {
    const { limit } = limitOf(1);
    const first = gate();
    const began: string[] = [];
    const asked = (tenant: string, count: number) =>
      Array.from({ length: count }, () => limit.run(order('k', { tenant }), async () => void began.push(tenant)));
    const running = limit.run(order('k', { tenant: 'greedy' }), first.load);
    const all = [...asked('greedy', 10), ...asked('small', 2), ...asked('other', 1)];
    first.open();
    await Promise.all([running, ...all]);
    expect(began.slice(0, 5)).toEqual(['greedy', 'small', 'other', 'greedy', 'small']);
    expect(began).toHaveLength(13);
  });

  test('get the place of a tenant that holds more', async () => {
    const { limit } = limitOf(4);
    const gates = Array.from({ length: 4 }, gate);
    const running = gates.map(({ load }) => limit.run(order('k', { tenant: 'greedy' }), load));
    const began: string[] = [];
    const hung = gate();
    const note = (tenant: string) =>
      limit.run(order('k', { tenant }), () => {
        began.push(tenant);
        return hung.load();
      });
    const waiting = [note('greedy'), note('greedy'), note('small'), note('small')];
    for (const { open } of gates) {
      open();
      await Promise.resolve();
    }
    await Promise.all(running);
    expect(began).toEqual(['small', 'small', 'greedy', 'greedy']);
    hung.open();
    await Promise.all(waiting);
  });

  test('lose from the longest queue when there is no more room', async () => {
    const { limit } = limitOf(1);
    const first = gate();
    const running = limit.run(order('k', { tenant: 'greedy' }), first.load);
    const queued = Array.from({ length: 16 }, (_, index) =>
      limit.run(order(`g${index}`, { tenant: 'greedy' }), async () => 'run').catch(({ key }: LoadShedError) => key),
    );
    const small = limit.run(order('s', { tenant: 'small' }), async () => 'run');
    await expect(limit.run(order('g16', { tenant: 'greedy' }), first.load)).rejects.toThrow(LoadShedError);
    first.open();
    expect(await small).toBe('run');
    expect(await Promise.all(queued)).toEqual([...Array(15).fill('run'), 'g15']);
    await running;
  });

  test('are forgotten when they have nothing there', async () => {
    const { limit } = limitOf(1);
    const first = gate();
    const running = limit.run(order('k', { tenant: 'a' }), first.load);
    const leaving = new AbortController();
    const gone = limit.run(order('k', { tenant: 'b', signal: leaving.signal }), first.load).catch(() => 'gone');
    leaving.abort(new Error('gone'));
    expect(await gone).toBe('gone');
    first.open();
    await running;
    expect(limit.tenants).toBe(0);
  });
});
