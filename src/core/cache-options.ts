import { assertArray, assertFunction, assertNames, assertPort, knownNames } from './model/arguments.ts';
import { assertNamespace } from './model/cache-name.ts';
import { type Duration, toMs } from './model/duration.ts';
import { InvalidOptionError, type TierFailure } from './model/errors.ts';
import type { Observer } from './model/events.ts';
import { DEFAULT_NAMES, type ReadOptions } from './model/options.ts';
import type { Bus } from './ports/bus.ts';
import type { ValueCodec } from './ports/codec.ts';
import type { LocalTier } from './ports/local-tier.ts';
import type { Outbox } from './ports/outbox.ts';
import type { RemoteTier } from './ports/remote-tier.ts';
import type { Tracer } from './ports/tracer.ts';
import type { BreakerOptions } from './primitives/circuit-breaker.ts';
import type { Clock, Random } from './primitives/clock.ts';
import { assertMadeTogether } from './tiers/claimed-parts.ts';

/**
 * How a cache is made.
 * @typeParam Freeze Of `freeze`, so that the types of what comes out can go by it.
 */
export interface CacheOptions<Freeze extends boolean = boolean> {
  /**
   * Identifies the cache: its namespace in L2, unless `redis(url, { namespace })` says otherwise, and its name in messages
   * and telemetry. With an L2 it is 1 to 64 letters, digits and `.`, `_`, `:`, `-`. Caches of different names never see each
   * other's entries. Default `tiercel`: two unnamed caches are one cache.
   */
  readonly name?: string;
  /** The tier in this process; `lru()` of `tiercel/lru`. */
  readonly l1: LocalTier;
  /** The shared tier; `redis()` of `tiercel/redis` gives it together with `bus`. */
  readonly l2?: RemoteTier | undefined;
  /** Carries invalidations between instances. Without it L1 is bounded by `l1Ttl` alone. Needs `l2`. */
  readonly bus?: Bus | undefined;
  /**
   * Remembers with the source what each commit has made untrue, whoever wrote it, until L2 has been told; `outbox()` of
   * `tiercel/postgres`. Without an L2, other instances learn of changes from it.
   */
  readonly outbox?: Outbox | undefined;
  /** Defaults for every call. */
  readonly defaults?: Omit<ReadOptions, 'signal' | 'tenant' | 'forceFresh' | 'tags'>;
  /**
   * The bound D on what another instance may still serve after an invalidation was acknowledged. Default 1.5 s, at
   * least 150 ms: three heartbeats must fit. Smaller means more heartbeats, not more work for reads.
   */
  readonly maxLag?: Duration;
  /**
   * Schema version of the values. Entries of another version are misses, so a new shape never meets old bytes. Up to eight
   * versions run side by side, as in a rolling deploy: each loads a key for itself, and an invalidation reaches all of them.
   */
  readonly version?: string | number;
  /**
   * Longest encoded form of a value that L2 takes or is believed to hold, in UTF-8 bytes before any compression, key and tags
   * included. A longer one that was loaded is handed out and kept in L1 alone, and `onError` is told; `set` of one rejects
   * with `InvalidValueError`; one that L2 holds is a miss. From 1 to 536,870,912, which is as much as Redis takes; default
   * 16 MiB: more than `l2Timeout` lets pass, and as much JSON as holds up a process noticeably.
   */
  readonly maxValueBytes?: number;
  /**
   * Whether values are handed out deeply frozen, default `true`: all callers share one object, so none may change it. With
   * `false` nothing keeps them from it but themselves, and what one changes the next is given. That pays on Bun for values
   * with long arrays, which its engine is ten times slower with when they are frozen.
   */
  readonly freeze?: Freeze;
  /**
   * Encodes values as JSON and decodes them, so that dates, maps and whatever else it knows come back as they were given:
   * superjson, devalue, or your own. Each caller gets a copy of its own, unless `freeze` is `false`. A value that it cannot
   * decode is a miss, and `onError` is told. A cache with a codec and one without read nothing of each other; two codecs
   * want two `version`s.
   */
  readonly codec?: ValueCodec | undefined;
  /**
   * Says whether a value that L2 holds is one that this program can use: the shape of an earlier release is not. One that
   * fails is a miss. Asked once for each read from L2, not of what is loaded or set here, nor of `null`. It must answer at
   * once; what it throws counts as no. Each refusal counts as an error of L2, and `onError` is told: of what is thrown each
   * time, of `false` once a second.
   */
  readonly validate?: ((value: unknown, key: string) => boolean) | undefined;
  /**
   * Names the group that a key is counted under in `stats()`, metrics and events. Groups are read by people and are labels of
   * metrics: a user's text has no place in them. At most 100 are kept apart. Default: the part before the first `:`, where that
   * is up to 40 lower-case letters, digits, `_`, `.` and `-`, else `other`.
   */
  readonly groupOf?: ((key: string) => string) | undefined;
  /**
   * Loaders that run at once in this cache, to protect the source when the tiers cannot help. Some more wait for up to a
   * second, the rest reject with `LoadShedError`, or are answered stale. A load for which a loader waits runs in the place
   * of that loader's load. Default `Infinity`.
   */
  readonly maxLoads?: number;
  /**
   * Puts a breaker before the source: while it cannot be asked, one load at a time finds out whether it is back, the
   * others are answered stale or reject with `BreakerOpenError`, at once. Default: none, since only you know which of your
   * loaders' errors mean that.
   */
  readonly source?: SourceOptions;
  /** Of L2's breaker. */
  readonly breaker?: BreakerOptions;
  /** Told of every failure that no caller was told of. What it throws is swallowed. */
  readonly onError?: (failure: TierFailure) => void;
  readonly observers?: readonly Observer[];
  readonly tracer?: Tracer;
  /** Time; a fake in tests. */
  readonly clock?: Clock;
  /** Chance; seeded in tests. */
  readonly random?: Random;
}

/** What a breaker before the source goes by. All loaders of the cache should ask the same source. */
export interface SourceOptions {
  /**
   * Whether a loader's error means that the source cannot be asked: refused, closed, timed out; `isUnavailable` of
   * `tiercel/postgres`. What it was asked and refused, a row that breaks a rule for instance, is no failure of it.
   * What this throws counts as no failure either, and goes to `onError`.
   */
  readonly isFailure: (error: unknown) => boolean;
  /** A load that takes longer counts as failed, whatever comes of it. Default 2 s. */
  readonly slowAfter?: Duration;
  /** Of this breaker; here `settleMs` means nothing: one success closes it. */
  readonly breaker?: BreakerOptions;
}

/** The options of `createCache`. */
export const KNOWN_OPTIONS = knownNames(
  [
    'name',
    'l1',
    'l2',
    'bus',
    'outbox',
    'defaults',
    'maxLag',
    'version',
    'maxValueBytes',
    'freeze',
    'codec',
    'validate',
    'groupOf',
    'maxLoads',
    'source',
    'breaker',
    'onError',
    'observers',
    'tracer',
    'clock',
    'random',
  ] satisfies (keyof CacheOptions)[],
  {
    ...Object.fromEntries([...DEFAULT_NAMES.names].map((name) => [name, `write defaults: { ${name}: … }`])),
    namespace: "it is an option of redis(url, { namespace: '…' })",
    prefix: "write name: '…', or redis(url, { namespace: '…' })",
    redis: 'write ...redis(url)',
    observer: 'write observers: [observer]',
  },
);

const DEFAULT_MAX_LAG_MS = 1_500;
const SMALLEST_MAX_LAG_MS = 150;

/** The bound D in milliseconds. */
export function maxLagOf({ maxLag }: CacheOptions): number {
  const ms = maxLag === undefined ? DEFAULT_MAX_LAG_MS : toMs(maxLag, 'maxLag');
  if (ms >= SMALLEST_MAX_LAG_MS && Number.isFinite(ms)) return ms;
  throw new InvalidOptionError('maxLag', maxLag, `at least ${SMALLEST_MAX_LAG_MS} ms, and finite`);
}

const DEFAULT_MAX_VALUE_BYTES = 16 * 2 ** 20;
const MOST_VALUE_BYTES = 512 * 2 ** 20;

/** The longest encoded form of a value, in bytes. */
export function maxValueBytesOf({ maxValueBytes = DEFAULT_MAX_VALUE_BYTES }: CacheOptions): number {
  if (Number.isInteger(maxValueBytes) && maxValueBytes >= 1 && maxValueBytes <= MOST_VALUE_BYTES) return maxValueBytes;
  throw new InvalidOptionError('maxValueBytes', maxValueBytes, `a whole number from 1 to ${MOST_VALUE_BYTES}`);
}

const DEFAULT_SLOW_MS = 2_000;
const KNOWN_SOURCE_OPTIONS = knownNames(['isFailure', 'slowAfter', 'breaker'] satisfies (keyof SourceOptions)[]);

/** After how many milliseconds a load counts as failed. */
export function slowAfterOf({ slowAfter }: SourceOptions): number {
  const ms = slowAfter === undefined ? DEFAULT_SLOW_MS : toMs(slowAfter, 'source.slowAfter');
  if (ms > 0) return ms;
  throw new InvalidOptionError('source.slowAfter', slowAfter, 'longer than 0');
}

/** @throws {@link InvalidOptionError} naming the option that cannot be used. */
export function assertOptions(options: CacheOptions): void {
  assertNames('options', options, KNOWN_OPTIONS);
  assertParts(options);
  const { name, version, freeze, codec, validate, groupOf, maxLoads, defaults, onError, breaker, source } = options;
  if (codec !== undefined)
    assertPort('codec', codec, ['encode', 'decode'], 'an object with encode(value) and decode(json)');
  if (name !== undefined && (typeof name !== 'string' || name === ''))
    throw new InvalidOptionError('name', name, 'a string that is not empty');
  if (name !== undefined && options.l2 !== undefined) assertNamespace('name', name);
  if (version !== undefined && typeof version !== 'string' && !Number.isFinite(version))
    throw new InvalidOptionError('version', version, 'a string or a finite number');
  if (freeze !== undefined && typeof freeze !== 'boolean')
    throw new InvalidOptionError('freeze', freeze, 'true or false');
  if (maxLoads !== undefined && maxLoads !== Infinity && !(Number.isInteger(maxLoads) && maxLoads > 0))
    throw new InvalidOptionError('maxLoads', maxLoads, 'a whole number above 0, or Infinity');
  if (defaults !== undefined) assertNames('defaults', defaults, DEFAULT_NAMES);
  assertFunction('validate', validate, 'a function of a value that answers true or false');
  assertFunction('groupOf', groupOf, 'a function of a key that answers the name of its group');
  assertFunction('onError', onError, 'a function of a failure');
  if (breaker !== undefined) assertBreaker('breaker', breaker);
  if (source !== undefined) assertSource(source);
}

/** The tiers and all else that a cache is put together of. */
function assertParts({ l1, l2, bus, outbox, observers, tracer, clock, random }: CacheOptions): void {
  assertLocalTier(l1);
  if (l2 !== undefined) assertPort('l2', l2, ['start', 'heartbeat', 'acquire', 'fill', 'invalidate'], REMOTE);
  if (bus !== undefined) assertPort('bus', bus, ['start', 'reset', 'close'], REMOTE);
  if (bus !== undefined && l2 === undefined) throw new InvalidOptionError('bus', bus, 'given together with l2');
  assertMadeTogether(l2, bus);
  if (outbox !== undefined)
    assertPort('outbox', outbox, ['start', 'lead', 'record', 'follow'], 'an outbox: outbox(sql) of tiercel/postgres');
  if (observers !== undefined) {
    assertArray('observers', observers, 'an array of functions');
    for (const observer of observers)
      if (typeof observer !== 'function') throw new InvalidOptionError('observers', observer, 'an array of functions');
  }
  if (tracer !== undefined) assertTracer(tracer);
  if (clock !== undefined) assertPort('clock', clock, ['now', 'after'], 'a clock with now() and after()');
  if (random !== undefined) assertPort('random', random, ['next', 'token'], 'an object with next() and token()');
}

const REMOTE = 'what redis() of tiercel/redis gives it: write createCache({ l1: lru(), ...redis(url) })';

/** @throws {@link InvalidOptionError} unless it can be an L1. */
export function assertLocalTier(l1: unknown): void {
  assertPort('l1', l1, ['get', 'set', 'delete', 'clear', 'ids', 'usage'], 'a local tier, such as lru() of tiercel/lru');
}

/** @throws {@link InvalidOptionError} unless it can trace. */
export function assertTracer(tracer: unknown): void {
  assertPort('tracer', tracer, ['mayRecord', 'trace', 'tag', 'current'], 'a tracer; instrument() attaches one');
}

function assertSource(options: SourceOptions): void {
  assertNames('source', options, KNOWN_SOURCE_OPTIONS, 'source.');
  if (typeof options.isFailure !== 'function')
    throw new InvalidOptionError('source.isFailure', options.isFailure, 'a function of an error');
  slowAfterOf(options);
  if (options.breaker !== undefined) assertBreaker('source.breaker', options.breaker);
}

/** What each of the breaker's numbers may be at most; all are above 0, and `settleMs` may be 0. */
const MOST = new Map<string, number>(
  Object.entries({
    windowMs: Infinity,
    failureRatio: 1,
    minimumCalls: Infinity,
    // An end there must be: nobody would try again.
    openMs: Number.MAX_VALUE,
    maxOpenMs: Number.MAX_VALUE,
    settleMs: Infinity,
  } satisfies Required<BreakerOptions>),
);

const BREAKER_NAMES = knownNames(MOST.keys());

function assertBreaker(option: string, options: BreakerOptions): void {
  assertNames(option, options, BREAKER_NAMES, `${option}.`);
  for (const [name, given] of Object.entries<unknown>({ ...options })) {
    const most = MOST.get(name) ?? Infinity;
    if (name === 'settleMs' && given === 0) continue;
    if (typeof given === 'number' && given > 0 && given <= most) continue;
    const bound = most === 1 ? ' and at most 1' : most === Infinity ? '' : ', and finite';
    throw new InvalidOptionError(`${option}.${name}`, given, `above 0${bound}`);
  }
}
