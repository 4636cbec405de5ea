import { describe, expect, test } from 'bun:test';
import type { RemoteTier } from '../../src/core/ports/remote-tier.ts';
import type { Loader, ReadOptions } from '../../src/index.ts';
import { LoadTimeoutError } from '../../src/index.ts';
import { overriding } from '../../src/testing/chaos/overriding.ts';
import { Fleet, type FleetOptions } from '../support/core-fixture.ts';
import { HeldLoads } from '../support/held-loads.ts';
import { watch } from '../support/watch.ts';

const INSTANCES = 10;
const LOAD_MS = 1_000;

/** What a caller was given, and how long that took. */
interface Answer {
  readonly value?: unknown;
  readonly error?: unknown;
  readonly waitedMs: number;
}

interface Source {
  readonly loader: Loader<unknown>;
  loads: number;
  /** The most loads that ran at once. */
  most: number;
}

/** A source that takes {@link LOAD_MS} and then ends as `end` says. */
function sourceOf(fleet: Fleet, end: (context: Parameters<Loader<unknown>>[0]) => unknown): Source {
  let running = 0;
  const source: Source = {
    loads: 0,
    most: 0,
    loader: async (context) => {
      source.loads += 1;
      running += 1;
      source.most = Math.max(source.most, running);
      await new Promise<void>((resolve) => fleet.time.at(fleet.time.now + LOAD_MS, resolve));
      running -= 1;
      return end(context);
    },
  };
  return source;
}

/** Asks every instance at this moment for one key, each by a loader of its own. */
function askAll(fleet: Fleet, loaderOf: (index: number) => Loader<unknown>, options?: ReadOptions): Answer[] {
  const began = fleet.time.now;
  const answers: Answer[] = [];
  fleet.members.forEach(({ cache }, index) => {
    cache.getOrSet('k', loaderOf(index), options).then(
      (value) => answers.push({ value, waitedMs: fleet.time.now - began }),
      (error: unknown) => answers.push({ error, waitedMs: fleet.time.now - began }),
    );
  });
  for (let passed = 0; answers.length < fleet.members.length && passed < 30_000; passed += 10) fleet.run(10);
  return answers;
}

const longest = (answers: readonly Answer[]): number => Math.max(...answers.map(({ waitedMs }) => waitedMs));

/** Loads that bring nothing for L2 give their lease back, as loads did that were given up. */
const WITHOUT_A_NOTE: FleetOptions['weakening'] = {
  tier: (tier) =>
    overriding<RemoteTier>(tier, {
      leaveOutcome: ({ id, generation, of, token }) =>
        of === 'lease' ? tier.release(id, generation, token) : tier.releaseRefresh(id, generation, token),
    }),
};

const ENDS: Readonly<Record<string, { readonly end: Parameters<typeof sourceOf>[1]; readonly options?: ReadOptions }>> =
  {
    throws: {
      end: () => {
        throw new Error('No such table');
      },
    },
    'skips its value': {
      end: ({ skip }) => {
        skip();
        return 'skipped';
      },
    },
    'gives its value no TTL': { end: () => 'brief', options: { ttl: 0 } },
    'brings what is too long for L2': { end: () => 'x'.repeat(2_000) },
    'brings what cannot be stored': { end: () => () => {} },
  };

describe('race 54, ten instances ask for one key', () => {
  for (const [what, { end, options }] of Object.entries(ENDS)) {
    const play = (weakening?: FleetOptions['weakening']) => {
      const fleet = new Fleet({ instances: INSTANCES, maxValueBytes: 1_000, ...(weakening && { weakening }) });
      const source = sourceOf(fleet, end);
      return { answers: askAll(fleet, () => source.loader, { hardTimeout: '30s', ...options }), source };
    };

    test(`whose loader ${what}: no caller waits for more than two loads`, () => {
      const { answers, source } = play();
      expect(answers).toHaveLength(INSTANCES);
      expect(longest(answers)).toBeLessThan(2.2 * LOAD_MS);
      expect(source.loads).toBe(INSTANCES);
    });

    test(`whose loader ${what}: one after the other without the note of how it ended`, () => {
      expect(longest(play(WITHOUT_A_NOTE).answers)).toBeGreaterThan((INSTANCES - 1) * LOAD_MS);
    });
  }

  test('each caller is given the error of its own loader, unchanged', () => {
    const fleet = new Fleet({ instances: INSTANCES });
    const errors = fleet.members.map(({ name }) => new Error(`The source of ${name} is away`));
    const sources = errors.map((error) => sourceOf(fleet, () => Promise.reject(error)));
    const answers = askAll(fleet, (index) => sources[index]?.loader ?? (() => null));
    expect(new Set(answers.map(({ error }) => error))).toEqual(new Set(errors));
    for (const { loads } of sources) expect(loads).toBe(1);
  });

  test('what L2 holds of a load that failed is a word, and no text of its error', async () => {
    const fleet = new Fleet({ instances: 2 });
    const source = sourceOf(fleet, () => Promise.reject(new Error('password of the source')));
    const asking = watch(fleet.cache(0).getOrSet('k', source.loader));
    fleet.run(LOAD_MS + 20);
    expect(() => asking.value()).toThrow('password of the source');
    const ofRecords = () => fleet.server.names().filter((name) => name.startsWith('record '));
    expect(ofRecords()).toHaveLength(1);
    const { generation = '' } = fleet.settle(fleet.member(1).tier.heartbeat('test', 'test'));
    const record = fleet.settle(fleet.member(1).tier.read('k', generation));
    expect(record).toEqual({ kind: 'outcome', outcome: 'failed' });
    // It lives for as long as the load took, at most a second.
    fleet.run(LOAD_MS);
    expect(ofRecords()).toEqual([]);
  });

  test('a load that brings a value is one load, however many wait for it', () => {
    const fleet = new Fleet({ instances: INSTANCES });
    const source = sourceOf(fleet, () => 'value');
    const answers = askAll(fleet, () => source.loader);
    expect(answers.map(({ value }) => value)).toEqual(Array(INSTANCES).fill('value'));
    expect(source.loads).toBe(1);
  });

  test('an invalidation during the note ends it: the next load has the lease', () => {
    const fleet = new Fleet({ instances: 2 });
    const source = sourceOf(fleet, () => Promise.reject(new Error('away')));
    watch(fleet.cache(0).getOrSet('k', source.loader));
    fleet.run(LOAD_MS + 20);
    fleet.settle(fleet.cache(0).delete('k'));
    expect(fleet.settle(fleet.cache(1).getOrSet('k', () => 'new'))).toBe('new');
    expect(fleet.settle(fleet.cache(0).lookup('k', () => 'none'))).toMatchObject({ value: 'new', tier: 'l2' });
  });
});

describe('an expired value that ten instances replace', () => {
  const play = (end: Parameters<typeof sourceOf>[1], weakening?: FleetOptions['weakening']) => {
    const defaults = { ttl: '10s', l1Ttl: '1s', staleIfError: '1h', hardTimeout: '30s' } as const;
    const fleet = new Fleet({ instances: INSTANCES, defaults, ...(weakening && { weakening }) });
    fleet.settle(fleet.cache(0).getOrSet('k', () => 'old'));
    fleet.run(11_000);
    const source = sourceOf(fleet, end);
    return { answers: askAll(fleet, () => source.loader), source };
  };
  const failing = (): never => {
    throw new Error('away');
  };
  const skipping: Parameters<typeof sourceOf>[1] = ({ skip }) => {
    skip();
    return 'skipped';
  };

  test('by a load that fails: all are answered stale within two loads', () => {
    const { answers } = play(failing);
    expect(answers.map(({ value }) => value)).toEqual(Array(INSTANCES).fill('old'));
    expect(longest(answers)).toBeLessThan(2.2 * LOAD_MS);
  });

  test('by a load that skips its value: all have it within two loads', () => {
    const { answers } = play(skipping);
    expect(answers.map(({ value }) => value)).toEqual(Array(INSTANCES).fill('skipped'));
    expect(longest(answers)).toBeLessThan(2.2 * LOAD_MS);
  });

  test('takes one load after the other without the note', () => {
    expect(longest(play(failing, WITHOUT_A_NOTE).answers)).toBeGreaterThan((INSTANCES - 1) * LOAD_MS);
  });
});

describe('a load that hangs', () => {
  test('fails every caller of the fleet after one hardTimeout', () => {
    const fleet = new Fleet({ instances: INSTANCES });
    const loads = new HeldLoads<string>();
    const answers = askAll(fleet, () => loads.loader, { hardTimeout: '2s' });
    for (const { error } of answers) expect(error).toBeInstanceOf(LoadTimeoutError);
    expect(longest(answers)).toBeLessThan(2_100);
    expect(loads.count).toBeLessThanOrEqual(2);
  });

  test('and callers who come while it hangs wait for no longer than their own hardTimeout', () => {
    const fleet = new Fleet({ instances: INSTANCES });
    const loads = new HeldLoads<string>();
    const options = { hardTimeout: '2s' } as const;
    for (const { cache } of fleet.members) watch(cache.getOrSet('k', loads.loader, options));
    fleet.run(1_000);
    const late = fleet.members.map(({ cache }) => watch(cache.getOrSet('k', loads.loader, options)));
    fleet.run(1_990);
    for (const { state } of late) expect(state).toBe('pending');
    fleet.run(60);
    for (const { value } of late) expect(value).toThrow(LoadTimeoutError);
  });
});

describe('leaseWait', () => {
  test('bounds the wait for a load of another instance, and this instance loads beside it', () => {
    const fleet = new Fleet({ instances: 2 });
    const loads = new HeldLoads<string>();
    watch(fleet.cache(0).getOrSet('k', loads.loader));
    fleet.run(10);
    const began = fleet.time.now;
    expect(fleet.settle(fleet.cache(1).getOrSet('k', () => 'mine', { leaseWait: 200 }))).toBe('mine');
    const waited = fleet.time.now - began;
    expect(waited).toBeGreaterThanOrEqual(200);
    expect(waited).toBeLessThan(210);
    loads.answer('theirs');
    fleet.run(10);
    // What was loaded without the lease is not in L2.
    expect(fleet.settle(fleet.join({}).cache.get('k'))).toBe('theirs');
  });

  test('0 does not wait, and the default waits for as long as the hard timeout', () => {
    const fleet = new Fleet({ instances: 3 });
    const loads = new HeldLoads<string>();
    watch(fleet.cache(0).getOrSet('k', loads.loader, { hardTimeout: '1m' }));
    fleet.run(10);
    const began = fleet.time.now;
    expect(fleet.settle(fleet.cache(1).getOrSet('k', () => 'mine', { leaseWait: 0 }))).toBe('mine');
    expect(fleet.time.now - began).toBeLessThan(10);
    expect(fleet.failure(fleet.cache(2).getOrSet('k', () => 'never', { hardTimeout: '1s' }))).toBeInstanceOf(
      LoadTimeoutError,
    );
  });

  test('of a caller who joins a wait that has begun counts too', () => {
    const fleet = new Fleet({ instances: 2 });
    const loads = new HeldLoads<string>();
    watch(fleet.cache(0).getOrSet('k', loads.loader));
    fleet.run(10);
    const patient = watch(fleet.cache(1).getOrSet('k', () => 'mine'));
    fleet.run(300);
    expect(patient.state).toBe('pending');
    const began = fleet.time.now;
    expect(fleet.settle(fleet.cache(1).getOrSet('k', () => 'not called', { leaseWait: 100 }))).toBe('mine');
    expect(fleet.time.now - began).toBeLessThan(160);
    expect(patient.value()).toBe('mine');
  });
});
