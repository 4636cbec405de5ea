import { describe, expect, setDefaultTimeout, test } from 'bun:test';
import type { CacheOptions } from '../../../src/core/cache-options.ts';
import type { Bus } from '../../../src/core/ports/bus.ts';
import type { Packing } from '../../../src/core/ports/codec.ts';
import type { LocalTier } from '../../../src/core/ports/local-tier.ts';
import type { Outbox } from '../../../src/core/ports/outbox.ts';
import type { RemoteTier } from '../../../src/core/ports/remote-tier.ts';
import { noTracer, type Span, type Tracer } from '../../../src/core/ports/tracer.ts';
import { overriding } from '../../../src/testing/chaos/overriding.ts';
import { Life, type Tiers } from '../../support/life.ts';
import { type Failing, Saboteur, watchRejections } from '../../support/sabotage.ts';

setDefaultTimeout(300_000);

/** How each method of a port can fail. Nothing: it is no method, or the core does not call it in a running cache. */
type Failures<T> = Readonly<Record<keyof T, readonly Failing[]>>;

const SYNC = ['throws'] as const;
const ASYNC = ['throws', 'rejects'] as const;
const NONE = [] as const;

const LOCAL_TIER: Failures<LocalTier> = {
  get: SYNC,
  set: SYNC,
  delete: SYNC,
  clear: SYNC,
  ids: SYNC,
  usage: SYNC,
};

const REMOTE_TIER: Failures<RemoteTier> = {
  system: NONE,
  madeWith: NONE,
  // Each of its methods has a row of its own.
  packing: NONE,
  // Fails when the cache is made.
  start: NONE,
  beforeSending: SYNC,
  heartbeat: ASYNC,
  agreeGeneration: ASYNC,
  adoptGeneration: ASYNC,
  leaveMark: ASYNC,
  acquire: ASYNC,
  acquireMany: ASYNC,
  read: ASYNC,
  readMany: ASYNC,
  // Nobody calls it.
  remaining: NONE,
  fill: ASYNC,
  release: ASYNC,
  renew: ASYNC,
  claimRefresh: ASYNC,
  renewRefresh: ASYNC,
  releaseRefresh: ASYNC,
  leaveOutcome: ASYNC,
  tagGenerations: ASYNC,
  invalidate: ASYNC,
  write: ASYNC,
  sweep: ASYNC,
  // Begins a minute after a generation is known; `generation-sweeper.test.ts` has its failures.
  sweepOthers: NONE,
  info: ASYNC,
  watchEvictions: SYNC,
  reset: SYNC,
  close: ASYNC,
};

const PACKING: Failures<Packing> = { pack: SYNC, unpack: SYNC };

const BUS: Failures<Bus> = { madeWith: NONE, start: NONE, reset: SYNC, close: ASYNC };

const OUTBOX: Failures<Outbox> = {
  system: NONE,
  windowMs: NONE,
  start: NONE,
  lead: ASYNC,
  renewed: ASYNC,
  resign: ASYNC,
  undelivered: ASYNC,
  delivered: ASYNC,
  settle: ASYNC,
  record: ASYNC,
  acknowledge: SYNC,
  follow: ASYNC,
  prune: ASYNC,
  close: ASYNC,
};

const TRACER: Failures<Tracer> = { mayRecord: SYNC, trace: ASYNC, tag: SYNC, current: SYNC };

const SPAN: Failures<Span> = { ref: NONE, set: SYNC, link: SYNC, fail: SYNC };

/** What users give to a cache or to a call, beside the ports. */
const HOOKS: Readonly<Record<Hook, readonly Failing[]>> = {
  onError: SYNC,
  observer: SYNC,
  isFailure: SYNC,
  loader: ASYNC,
  manyLoader: ASYNC,
  tags: SYNC,
  onProgress: SYNC,
};

type Hook = 'onError' | 'observer' | 'isFailure' | 'loader' | 'manyLoader' | 'tags' | 'onProgress';

type Remake = (options: CacheOptions) => CacheOptions;

/** Plays a life with one kind of tiers after the other, until one in which something of the first member has failed. */
function play(how: Failing, remake: (saboteur: Saboteur) => Remake, kinds: readonly Tiers[]): void {
  for (const tiers of kinds) {
    const saboteur = new Saboteur(how);
    new Life(tiers, saboteur, remake(saboteur)).live();
    if (saboteur.struck > 0) return;
  }
  throw new Error('Nothing has failed: the row proves nothing');
}

/** One test for each method and each way in which it can fail. */
function matrix<T extends object>(
  name: string,
  failures: Failures<T>,
  remake: (saboteur: Saboteur, method: PropertyKey) => Remake,
  kinds: readonly Tiers[] = ['l2+outbox', 'l2'],
): void {
  describe(`a ${name} that fails disturbs nothing else, and the cache can be closed`, () => {
    for (const [method, ways] of Object.entries<readonly Failing[]>(failures)) {
      for (const how of ways) {
        test(`${method} ${how}`, async () => {
          const rejections = watchRejections();
          play(how, (saboteur) => remake(saboteur, method), kinds);
          await rejections.stop();
          expect(rejections.seen).toEqual([]);
        });
      }
    }
  });
}

matrix('local tier', LOCAL_TIER, (saboteur, method) => (options) => ({
  ...options,
  l1: saboteur.spoil(options.l1, method),
}));

matrix('remote tier', REMOTE_TIER, (saboteur, method) => (options) => ({
  ...options,
  l2: options.l2 && saboteur.spoil(options.l2, method),
}));

matrix('packing', PACKING, (saboteur, method) => (options) => ({
  ...options,
  l2: options.l2 && overriding<RemoteTier>(options.l2, { packing: saboteur.spoil(UNPACKED, method) }),
}));

matrix('bus', BUS, (saboteur, method) => (options) => ({
  ...options,
  bus: options.bus && saboteur.spoil(options.bus, method),
}));

matrix(
  'outbox',
  OUTBOX,
  (saboteur, method) => (options) => ({
    ...options,
    outbox:
      options.outbox &&
      saboteur.spoil(method === 'renewed' ? renewing(options.outbox, saboteur) : options.outbox, method),
  }),
  ['l2+outbox', 'outbox'],
);

matrix('tracer', TRACER, (saboteur, method) => (options) => ({
  ...options,
  tracer: saboteur.spoil(recording({ ref: 'span', set() {}, link() {}, fail() {} }), method),
}));

matrix('span', SPAN, (saboteur, method) => (options) => ({
  ...options,
  tracer: recording(saboteur.spoil<Span>({ ref: 'span', set() {}, link() {}, fail() {} }, method)),
}));

describe('user code that fails concerns its own caller alone, and the cache can be closed', () => {
  for (const [hook, ways] of Object.entries(HOOKS)) {
    for (const how of ways) {
      test(`${hook} ${how}`, async () => {
        const rejections = watchRejections();
        play(how, (saboteur) => hooked(hook as Hook, saboteur), ['l2', 'l2+outbox', 'outbox']);
        await rejections.stop();
        expect(rejections.seen).toEqual([]);
      });
    }
  }
});

/** Of the hooks, those that belong to the cache; the others belong to the calls of {@link Life}. */
function hooked(hook: Hook, saboteur: Saboteur): Remake {
  const strike = (): void => void saboteur.strike();
  return (options) => {
    if (hook === 'onError') return { ...options, onError: strike };
    if (hook === 'observer') return { ...options, observers: [strike, ...(options.observers ?? [])] };
    if (hook === 'isFailure') return { ...options, source: { isFailure: () => saboteur.strike() !== undefined } };
    saboteur.hook = hook;
    return options;
  };
}

const UNPACKED: Packing = { pack: (body) => body, unpack: (body) => body };

/** A tracer that records, with one span for all. */
function recording(span: Span): Tracer {
  return {
    ...noTracer,
    mayRecord: () => true,
    trace: (_name, _attributes, step) => step(span),
    current: () => span.ref,
  };
}

/** An outbox that has missed something, once the saboteur is armed. */
function renewing(outbox: Outbox, saboteur: Saboteur): Outbox {
  return overriding<Outbox>(outbox, {
    lead: async (cache) => ({ ...(await outbox.lead(cache)), mustRenew: saboteur.isArmed }),
  });
}
