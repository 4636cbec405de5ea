import { describe, expect, test } from 'bun:test';
import fc from 'fast-check';
import { NO_SPAN, type Tracer } from '../../../../src/core/ports/tracer.ts';
import type { Random } from '../../../../src/core/primitives/clock.ts';
import type { TieredCache } from '../../../../src/index.ts';
import { Fleet, type FleetOptions, type Member } from '../../../support/core-fixture.ts';

/** A lookup inside a recorded span takes the full path, so this tracer switches the fast path off. */
const RECORDING: Tracer = {
  mayRecord: () => true,
  trace: (_name, _attributes, run) => run(NO_SPAN),
  tag: () => {},
  current: () => undefined,
};

const INSTANCES = 2;
const KEYS = ['k0', 'k1'] as const;
const TAGS = ['t0', 't1'] as const;

type Step =
  | {
      readonly kind: 'read';
      readonly by: number;
      readonly key: string;
      readonly form: 'value' | 'lookup' | 'many';
      readonly loadMs: number;
      readonly load: 'value' | 'null' | 'skip' | 'error';
      readonly tags: readonly string[];
      readonly lateTags: readonly string[];
      readonly options: Readonly<{ softTimeout?: number; hardTimeout?: number; forceFresh?: boolean }>;
    }
  | { readonly kind: 'set' | 'delete' | 'expire'; readonly by: number; readonly key: string }
  | { readonly kind: 'invalidate tag'; readonly by: number; readonly tag: string }
  | { readonly kind: 'wait'; readonly ms: number }
  | { readonly kind: 'server stops' | 'server starts' };

type Read = Extract<Step, { kind: 'read' }>;

const by = fc.nat(INSTANCES - 1);
const key = fc.constantFrom(...KEYS);
const wait = fc.record({ kind: fc.constant('wait' as const), ms: fc.constantFrom(0, 1, 5, 50, 300, 500) });

const read: fc.Arbitrary<Read> = fc.record({
  kind: fc.constant('read' as const),
  by,
  key,
  form: fc.constantFrom('value' as const, 'lookup' as const, 'many' as const),
  loadMs: fc.constantFrom(0, 0, 3, 40, 300),
  load: fc.constantFrom<Read['load'][]>('value', 'value', 'value', 'null', 'skip', 'error'),
  tags: fc.subarray([...TAGS]),
  lateTags: fc.subarray([...TAGS]),
  options: fc.constantFrom({}, {}, {}, {}, {}, { softTimeout: 2 }, { hardTimeout: 20 }, { forceFresh: true }),
});

/** One instance loads a value, and the other reads it from L2: the case for which the fast path exists. */
const hitInL2: fc.Arbitrary<Step[]> = fc
  .tuple(read, read, wait)
  .map(([load, hit, between]) => [
    { ...load, form: 'lookup', load: 'value', loadMs: 0, options: {} },
    { kind: 'wait', ms: 20 },
    between,
    { ...hit, by: 1 - load.by, key: load.key, options: {} },
    { kind: 'wait', ms: 5 },
  ]);

const alone: fc.Arbitrary<Step> = fc.oneof(
  { weight: 6, arbitrary: read },
  { weight: 6, arbitrary: wait },
  fc.record({ kind: fc.constantFrom('set' as const, 'delete' as const, 'expire' as const), by, key }),
  fc.record({ kind: fc.constant('invalidate tag' as const), by, tag: fc.constantFrom(...TAGS) }),
  fc.record({ kind: fc.constantFrom('server starts' as const, 'server stops' as const) }),
);

const steps: fc.Arbitrary<Step[]> = fc
  .array(fc.oneof(hitInL2, fc.array(alone, { maxLength: 5 })), { minLength: 1, maxLength: 6 })
  .map((episodes) => episodes.flat());

/** Plays steps against a fleet and notes everything that callers, observers and L2 can see of them. */
function play(steps: readonly Step[], isObserved: boolean, options: FleetOptions): unknown {
  let tokens = 0;
  // The paths draw random numbers in another order, so each draw gives the same one.
  const random: Random = { next: () => 0.5, token: () => `token${++tokens}` };
  const fleet = new Fleet({
    remake: ({ observers = [], ...made }) => ({ ...made, random, observers: isObserved ? observers : [] }),
    instances: INSTANCES,
    defaults: { ttl: 300, l1Ttl: 100, staleWhileRevalidate: 2_000, staleIfError: 10_000 },
    ...options,
  });
  const seen: [about: string, outcome: unknown][] = [];
  const note = (about: string, work: Promise<unknown>): void => {
    work.then(
      (value) => seen.push([about, value]),
      (error: unknown) => seen.push([about, String(error)]),
    );
  };
  let loads = 0;
  for (const [index, each] of steps.entries()) {
    const about = `${index} ${each.kind}`;
    switch (each.kind) {
      case 'read':
        note(
          about,
          readBy(fleet, each, () => {
            loads += 1;
            return index;
          }),
        );
        break;
      case 'set':
        note(about, fleet.cache(each.by).set(each.key, `set ${index}`));
        break;
      case 'delete':
        note(about, fleet.cache(each.by).delete(each.key));
        break;
      case 'expire':
        note(about, fleet.cache(each.by).expire(each.key));
        break;
      case 'invalidate tag':
        note(about, fleet.cache(each.by).invalidate({ tags: [each.tag] }));
        break;
      case 'wait':
        fleet.run(each.ms);
        seen.push([about, held(fleet)]);
        break;
      case 'server stops':
        fleet.server.stop();
        break;
      case 'server starts':
        fleet.server.restart({ keepData: true });
    }
  }
  fleet.server.restart({ keepData: true });
  fleet.run(30_000);
  return {
    seen: seen.sort(([one], [other]) => (one < other ? -1 : 1)),
    loads,
    calls: fleet.members.map(callsOf),
    failures: fleet.members.map(({ failures }) => failures.map(({ operation, error }) => [operation, String(error)])),
    events: fleet.members.map(({ events }) => events.map(({ type }) => type).sort()),
    counted: fleet.members.map(({ cache }) => countersOf(cache)),
  };
}

function held({ members }: Fleet): unknown {
  return members.map(({ cache }) => KEYS.map((each) => cache.peek(each)));
}

/** Lists the questions to L2 with their times. Questions of one moment may travel in one call or in several. */
function callsOf({ calls }: Member): string[] {
  return [...new Set(calls.map(({ at, operation }) => `${at} ${operation.replace('Many', '')}`))].sort();
}

/** Returns the counts of the cache, without the information that its server gives. */
function countersOf(cache: TieredCache): unknown {
  const { l1, l2, ...tiers } = cache.stats().tiers;
  return { ...cache.stats(), tiers: { ...tiers, l1, l2: l2 && { ...l2, server: undefined } } };
}

async function readBy(fleet: Fleet, step: Read, counted: () => number): Promise<unknown> {
  const cache = fleet.cache(step.by);
  const load = async (): Promise<string | null> => {
    const number = counted();
    await new Promise<void>((resolve) => fleet.time.at(fleet.time.now + step.loadMs, resolve));
    if (step.load === 'error') throw new Error(`load ${number} failed`);
    return step.load === 'null' ? null : `load ${number}`;
  };
  const options = { ...step.options, tags: step.tags };
  if (step.form === 'many')
    return cache.getOrSetMany([step.key], async ({ keys }) => new Map([[keys[0] ?? '', await load()]]), options);
  const loader = async (context: { skip(): void; setTags(tags: readonly string[]): void }): Promise<string | null> => {
    const value = await load();
    if (step.load === 'skip') context.skip();
    context.setTags(step.lateTags);
    return value;
  };
  if (step.form === 'value') return cache.getOrSet(step.key, loader, options);
  return cache.lookup(step.key, loader, options);
}

describe('the fast path', () => {
  test('answers, stores, counts and asks L2 exactly as the full path does', () => {
    fc.assert(
      fc.property(steps, fc.boolean(), (played, isObserved) => {
        expect(play(played, isObserved, {})).toEqual(play(played, isObserved, { tracer: RECORDING }));
      }),
      { numRuns: 100 },
    );
  });
});
