import { describe, expect, test } from 'bun:test';
import { LoadShedError, LoadTimeoutError } from '../../../../src/index.ts';
import type { Wiring } from '../../../simulation/world.ts';
import { Fleet } from '../../../support/core-fixture.ts';
import { HeldLoads } from '../../../support/held-loads.ts';
import { keys, namesOf } from '../../../support/many-rows.ts';
import { type Watched, watch } from '../../../support/watch.ts';

const JOB = { hardTimeout: '1m' } as const;
const REQUEST = { hardTimeout: 200 } as const;

/** The error that a caller got, once it has one. */
function errorOf(caller: Watched<unknown> | undefined): unknown {
  try {
    return caller?.value();
  } catch (error) {
    return error;
  }
}

const naming = (ms: number): string => `Loading key "k" took longer than its hardTimeout of ${ms} ms`;

for (const tiers of ['l1', 'l1+l2+bus'] as const) {
  describe(`callers of one load with different hardTimeouts, ${tiers}`, () => {
    test('a request that joins a job’s load waits for its own time, and the job gets the value', () => {
      const fleet = new Fleet({ tiers });
      const loads = new HeldLoads<string>();
      const job = watch(fleet.cache().getOrSet('k', loads.loader, JOB));
      fleet.run(1_000);
      const request = watch(fleet.cache().getOrSet('k', loads.loader, REQUEST));
      fleet.run(199);
      expect(request.state).toBe('pending');
      fleet.run(2);
      expect(errorOf(request)).toMatchObject({ code: 'LOAD_TIMEOUT', key: 'k', message: naming(200) });
      fleet.run(2_000);
      expect([loads.signal().aborted, job.state]).toEqual([false, 'pending']);
      loads.answer('value');
      fleet.run(5);
      expect([job.value(), loads.count]).toEqual(['value', 1]);
    });

    test('a job that joins a request’s load is not given the request’s error', () => {
      const fleet = new Fleet({ tiers });
      const loads = new HeldLoads<string>();
      const request = watch(fleet.cache().getOrSet('k', loads.loader, REQUEST));
      fleet.run(50);
      const job = watch(fleet.cache().getOrSet('k', loads.loader, JOB));
      fleet.run(160);
      expect(errorOf(request)).toMatchObject({ message: naming(200) });
      fleet.run(3_000);
      expect([loads.signal().aborted, job.state]).toEqual([false, 'pending']);
      loads.answer('value');
      fleet.run(5);
      expect([job.value(), loads.count]).toEqual(['value', 1]);
    });

    test('a hung load of a hot key is aborted when the largest hardTimeout since its start is over', () => {
      const fleet = new Fleet({ tiers });
      const loads = new HeldLoads<string>();
      const callers: Watched<string>[] = [];
      for (let at = 0; at < 1_000; at += 50) {
        callers.push(watch(fleet.cache().getOrSet('k', loads.loader, REQUEST)));
        fleet.run(at < 950 ? 50 : 40);
      }
      expect(loads.count).toBe(5);
      expect(loads.signal(3).reason).toBeInstanceOf(LoadTimeoutError);
      expect(callers.filter(({ state }) => state === 'rejected')).toHaveLength(16);
      fleet.run(250);
      for (const caller of callers) expect(errorOf(caller)).toMatchObject({ message: naming(200) });
      expect(fleet.cache().health().flights).toBe(0);
    });

    test('a caller who has time left when the load is aborted begins anew', () => {
      const fleet = new Fleet({ tiers });
      const loads = new HeldLoads<string>();
      const first = watch(fleet.cache().getOrSet('k', loads.loader, REQUEST));
      fleet.run(150);
      const second = watch(fleet.cache().lookup('k', loads.loader, REQUEST));
      fleet.run(60);
      expect([errorOf(first), second.state, loads.count]).toMatchObject([{ message: naming(200) }, 'pending', 2]);
      loads.answer('of the second load');
      fleet.run(5);
      expect(second.value()).toMatchObject({ value: 'of the second load', collapsed: false });
    });

    test('a caller whose time is over is answered stale where staleIfError allows it, and the load goes on', () => {
      const fleet = new Fleet({ tiers, defaults: { ttl: '1s', staleIfError: '1h' } });
      fleet.settle(fleet.cache().getOrSet('k', () => 'old'));
      fleet.run(1_000);
      const loads = new HeldLoads<string>();
      const job = watch(fleet.cache().getOrSet('k', loads.loader, JOB));
      fleet.run(5);
      const lookup = fleet.settle(fleet.cache().lookup('k', loads.loader, REQUEST));
      expect(lookup).toMatchObject({ value: 'old', state: 'stale', steps: { source: { outcome: 'failed' } } });
      expect(fleet.member().failures).toMatchObject([{ error: { message: naming(200) }, operation: 'load' }]);
      loads.answer('new');
      fleet.run(5);
      expect(job.value()).toBe('new');
    });

    test('a stale value whose tag has ended answers no caller whose time is over', () => {
      const fleet = new Fleet({ tiers, defaults: { ttl: '1s', staleIfError: '1h' } });
      fleet.settle(fleet.cache().getOrSet('k', () => 'old', { tags: ['t'] }));
      fleet.run(1_000);
      const request = watch(fleet.cache().getOrSet('k', new HeldLoads<string>().loader, { ...REQUEST, tags: ['t'] }));
      fleet.run(50);
      fleet.settle(fleet.cache().invalidate({ tags: ['t'] }));
      fleet.run(200);
      expect(errorOf(request)).toBeInstanceOf(LoadTimeoutError);
    });

    test('a caller who waits for room, because two loads of the key run, waits no longer than its own time', () => {
      const fleet = new Fleet({ tiers });
      const loads = new HeldLoads<string>();
      const fresh = { ...JOB, forceFresh: true };
      const jobs = [1, 2].map(() => watch(fleet.cache().getOrSet('k', loads.loader, fresh)));
      fleet.run(60);
      const began = fleet.time.now;
      const request = fleet.cache().getOrSet('k', loads.loader, { ...REQUEST, forceFresh: true });
      expect(fleet.failure(request)).toMatchObject({ message: naming(200) });
      expect(fleet.time.now - began).toBeWithin(200, 202);
      expect([loads.count, ...jobs.map(({ state }) => state)]).toEqual([2, 'pending', 'pending']);
    });

    test('the error of a nested load that took too long is the loader’s own, and no reason to begin anew', () => {
      const fleet = new Fleet({ tiers });
      const { cache } = fleet.member();
      const hung = new HeldLoads<string>();
      let count = 0;
      const outer = (): Promise<string> => {
        count += 1;
        return cache.getOrSet('inner', hung.loader, REQUEST);
      };
      expect(fleet.failure(cache.getOrSet('outer', outer, JOB))).toMatchObject({ key: 'inner', code: 'LOAD_TIMEOUT' });
      expect(count).toBe(1);
    });
  });
}

describe('a caller’s own time', () => {
  test('bounds what a slow L2 may take of it', () => {
    const fleet = new Fleet({ defaults: { l2Timeout: '2s' } });
    fleet.hold('reply', 'i0.data acquire k');
    const began = fleet.time.now;
    const callers = [REQUEST, REQUEST, { hardTimeout: 300 }].map((options) =>
      watch(fleet.cache().getOrSet('k', () => 'value', options)),
    );
    fleet.run(201);
    expect(callers.map(({ state }) => state)).toEqual(['rejected', 'rejected', 'pending']);
    fleet.run(100);
    expect(errorOf(callers[2])).toMatchObject({ message: naming(300) });
    expect(fleet.time.now - began).toBe(301);
  });

  test('bounds the first contact with L2', () => {
    const fleet = new Fleet({ warm: false, defaults: { l2Timeout: '3s' } });
    fleet.hold('reply', 'i0.data');
    const began = fleet.time.now;
    expect(fleet.failure(fleet.cache().getOrSet('k', () => 'value', REQUEST))).toMatchObject({ message: naming(200) });
    expect(fleet.failure(fleet.cache().getOrSetMany(['k'], namesOf(), REQUEST))).toMatchObject({
      message: naming(200),
    });
    expect(fleet.time.now - began).toBeLessThan(410);
  });

  test('bounds the wait for a load elsewhere; a caller who has time left then loads without a right to fill', () => {
    const fleet = new Fleet({ instances: 2 });
    const held = new HeldLoads<string>();
    const holder = watch(fleet.cache(0).getOrSet('k', held.loader, JOB));
    fleet.run(5);
    const impatient = watch(fleet.cache(1).getOrSet('k', () => 'own', REQUEST));
    fleet.run(100);
    const later = watch(fleet.cache(1).lookup('k', () => 'own', REQUEST));
    fleet.run(99);
    expect(impatient.state).toBe('pending');
    fleet.run(60);
    expect(errorOf(impatient)).toMatchObject({ message: naming(200) });
    expect(later.value()).toMatchObject({ value: 'own', tier: 'source', steps: { l2: { stored: false } } });
    held.answer('held');
    fleet.run(5);
    expect(holder.value()).toBe('held');
  });

  test('that is over ends the asking of L2 when no caller is left', () => {
    const fleet = new Fleet({ instances: 2 });
    watch(fleet.cache(0).getOrSet('k', new HeldLoads<string>().loader, JOB));
    fleet.run(5);
    const loads = new HeldLoads<string>();
    fleet.failure(fleet.cache(1).getOrSet('k', loads.loader, REQUEST));
    fleet.run(60);
    expect([loads.count, fleet.cache(1).health().flights]).toEqual([0, 0]);
    expect(fleet.cache(1).stats()).toMatchObject({ loads: 0 });
  });

  test('is that of the most patient caller while a load waits for a place', () => {
    const fleet = new Fleet({ maxLoads: 1 });
    const held = new HeldLoads<string>();
    watch(fleet.cache().getOrSet('first', held.loader, JOB));
    fleet.run(5);
    const request = watch(fleet.cache().getOrSet('k', () => 'value', REQUEST));
    fleet.run(50);
    const job = watch(fleet.cache().getOrSet('k', () => 'value', JOB));
    fleet.run(300);
    expect(errorOf(request)).toBeInstanceOf(LoadShedError);
    expect(job.state).toBe('pending');
    held.answer('done');
    fleet.run(5);
    expect(job.value()).toBe('value');
  });

  test('that was spent waiting for a place does not shorten the load, so that its value reaches the tiers', () => {
    const fleet = new Fleet({ maxLoads: 1 });
    const [first, second] = [new HeldLoads<string>(), new HeldLoads<string>()];
    watch(fleet.cache().getOrSet('first', first.loader));
    fleet.run(5);
    const request = watch(fleet.cache().getOrSet('k', second.loader, REQUEST));
    fleet.run(150);
    first.answer('done');
    fleet.run(60);
    expect([request.state, second.signal().aborted]).toEqual(['rejected', false]);
    second.answer('value');
    fleet.run(5);
    expect(fleet.cache().peek<string>('k')).toBe('value');
  });

  test('is each caller’s own in a call for many keys', () => {
    const fleet = new Fleet();
    const { cache } = fleet.member();
    const held = new HeldLoads<(readonly [string, string])[]>();
    const many = watch(cache.getOrSetMany(['k', 'other'], held.loader, REQUEST));
    fleet.run(50);
    const job = watch(cache.getOrSet('other', () => 'never', JOB));
    fleet.run(160);
    expect(errorOf(many)).toMatchObject({ message: naming(200) });
    fleet.run(1_000);
    expect([held.signal().aborted, job.state]).toEqual([false, 'pending']);
    const joining = watch(cache.getOrSetMany(['other', 'third'], namesOf(), REQUEST));
    fleet.run(201);
    expect(errorOf(joining)).toMatchObject({ key: 'other', code: 'LOAD_TIMEOUT' });
    held.answer([['other', 'value']]);
    fleet.run(5);
    expect(job.value()).toBe('value');
    expect(cache.peek<string>('third')).toBe('value of third');
  });

  test('ends a call for many keys whose shared load hangs, with the load', () => {
    const fleet = new Fleet();
    const held = new HeldLoads<(readonly [string, string])[]>();
    fleet.failure(fleet.cache().getOrSetMany(keys(3), held.loader, REQUEST));
    expect(held.signal().aborted).toBe(true);
    fleet.run(5);
    expect(fleet.cache().health().flights).toBe(0);
  });

  test('is each caller’s own behind a refresh, whose load has the time of the most patient', () => {
    const fleet = new Fleet({ defaults: { ttl: '1s', staleWhileRevalidate: '1s' } });
    fleet.settle(fleet.cache().getOrSet('k', () => 'old'));
    fleet.run(1_100);
    const loads = new HeldLoads<string>();
    expect(fleet.settle(fleet.cache().getOrSet('k', loads.loader, { hardTimeout: '2s' }))).toBe('old');
    fleet.run(1_000);
    const request = watch(fleet.cache().getOrSet('k', loads.loader, REQUEST));
    const job = watch(fleet.cache().getOrSet('k', loads.loader, JOB));
    fleet.run(210);
    expect(errorOf(request)).toMatchObject({ message: naming(200) });
    fleet.run(3_000);
    expect([loads.count, loads.signal().aborted]).toEqual([1, false]);
    loads.answer('new');
    fleet.run(5);
    expect(job.value()).toBe('new');
  });

  test('bounds the warming of a key', () => {
    const fleet = new Fleet();
    const loads = new HeldLoads<string>();
    watch(fleet.cache().getOrSet('k', loads.loader, JOB));
    fleet.run(5);
    const began = fleet.time.now;
    const warmed = fleet.settle(fleet.cache().warm([{ key: 'k', loader: loads.loader, options: REQUEST }]));
    expect(warmed).toMatchObject({ failed: 1, error: { message: naming(200) } });
    expect(fleet.time.now - began).toBeWithin(200, 202);
    expect(loads.signal().aborted).toBe(false);
  });
});

describe('hits in L2', () => {
  test('arm no timer for the caller’s time, also where several callers share one', () => {
    const timers: number[] = [];
    const recording = ({ clock, ...wiring }: Wiring): Wiring => ({
      ...wiring,
      clock: {
        now: () => clock.now(),
        wall: () => clock.wall(),
        after: (ms, run) => {
          timers.push(ms);
          return clock.after(ms, run);
        },
      },
    });
    const fleet = new Fleet({ instances: 2, weakening: { wire: recording } });
    fleet.settle(fleet.cache(0).getOrSet('k', () => 'value'));
    const { cache } = fleet.member(1);
    const { signal } = new AbortController();
    const reads = Array.from({ length: 20 }, (_, index) => {
      const options = { hardTimeout: 7_777, ...(index % 2 === 0 && { signal }) };
      return watch(cache.getOrSet('k', () => 'never', options));
    });
    fleet.run(5);
    for (const read of reads) expect(read.value()).toBe('value');
    expect(timers.filter((ms) => ms > 5_000 && ms <= 7_777)).toEqual([]);
    fleet.settle(cache.getOrSet('cold', () => 1, { hardTimeout: 7_777 }));
    expect(timers.filter((ms) => ms > 5_000 && ms <= 7_777).length).toBeGreaterThan(0);
  });
});
