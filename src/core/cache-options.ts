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
 * Options of `createCache`.
 * @typeParam Freeze Type of `freeze`, from which the types of returned values follow.
 */
export interface CacheOptions<Freeze extends boolean = boolean> {
  /**
   * Name of the cache in messages and telemetry. It is also the namespace in L2, unless `redis(url, { namespace })`
   * gives another one. With an L2 it has 1 to 64 letters, digits and `.`, `_`, `:`, `-`. Caches of different names
   * never see each other's entries. Default `tiercel`: two unnamed caches are one cache.
   */
  readonly name?: string;
  /** The tier in this process: `lru()` of `tiercel/lru`. */
  readonly l1: LocalTier;
  /** The shared tier: `redis()` of `tiercel/redis` returns it together with `bus`. Default: none. */
  readonly l2?: RemoteTier | undefined;
  /** Carries invalidations between instances. Without it `l1Ttl` alone bounds L1. It needs `l2`. */
  readonly bus?: Bus | undefined;
  /**
   * Records in the source's database the keys and tags that each commit changed, whichever writer it came from. A
   * record lasts until L2 has the invalidation. Without an L2, instances learn of each other's changes from it.
   * `outbox()` of `tiercel/postgres` makes one.
   */
  readonly outbox?: Outbox | undefined;
  /** Defaults of the options of every call. */
  readonly defaults?: Omit<ReadOptions, 'signal' | 'tenant' | 'forceFresh' | 'tags'>;
  /**
   * The bound D: the longest time for which another instance may serve the old value after an invalidation was
   * acknowledged. Default 1.5 s, at least 150 ms because three heartbeats must fit. A smaller bound means more
   * heartbeats, but no more work for reads.
   */
  readonly maxLag?: Duration;
  /**
   * Schema version of the values. Entries of another version are misses, so a new shape never meets old bytes. Up to
   * eight versions run side by side, as in a rolling deploy. Each version loads a key for itself, and an invalidation
   * reaches all of them. Default: none.
   */
  readonly version?: string | number;
  /**
   * Longest encoded value that L2 stores or serves, in UTF-8 bytes before compression, with key and tags. From 1 to
   * 536,870,912, which is the limit of Redis. Default 16 MiB: `l2Timeout` lets no more pass, and as much JSON already
   * holds up a process noticeably.
   * - A longer value that was loaded is returned and kept in L1 alone, and `onError` is called.
   * - `set` of a longer value rejects with `InvalidValueError`.
   * - A longer value that L2 holds is a miss.
   */
  readonly maxValueBytes?: number;
  /**
   * True to return values deeply frozen. Default `true`: all callers share one object, so none may change it. With
   * `false`, a change that one caller makes reaches the next caller. That pays on Bun for values with long arrays: its
   * engine handles them ten times more slowly when they are frozen.
   */
  readonly freeze?: Freeze;
  /**
   * Encodes values as JSON and decodes them, so that dates, maps and other types come back as they were given:
   * superjson, devalue, or your own. Each caller gets its own copy, unless `freeze` is `false`. A value that it cannot
   * decode is a miss, and `onError` is called. A cache with a codec and one without read nothing of each other. Two
   * codecs need two `version`s.
   */
  readonly codec?: ValueCodec | undefined;
  /**
   * Returns true when this program can use a value that L2 holds. An earlier release may have stored another shape.
   * - A value that fails is a miss. Each refusal counts as an error of L2.
   * - It is called once for each read from L2, but not for loaded or set values, nor for `null`.
   * - It must return at once. An error that it throws counts as false.
   * - `onError` is called with each thrown error, and for `false` once a second.
   */
  readonly validate?: ((value: unknown, key: string) => boolean) | undefined;
  /**
   * Returns the name of the group that a key is counted under in `stats()`, metrics and events. Operators read these
   * names, and metrics use them as labels, so a user's text has no place in them. At most 100 groups are kept apart.
   * Default: the part before the first `:`, where that is up to 40 lower-case letters, digits, `_`, `.` and `-`, else
   * `other`.
   */
  readonly groupOf?: ((key: string) => string) | undefined;
  /**
   * Number of loaders that run at once in this cache. It protects the source when the tiers cannot help. Some more
   * loads wait for up to a second. The rest are refused: their callers get a stale value or a `LoadShedError`. A load
   * for which another loader waits runs in the place of that loader's load. Default `Infinity`.
   */
  readonly maxLoads?: number;
  /**
   * Puts a breaker before the source. While the source cannot be asked, one load at a time tests it. The callers of
   * other loads get a stale value or a `BreakerOpenError` at once. Default: none, since only you know which errors of
   * your loaders mean that the source is away.
   */
  readonly source?: SourceOptions;
  /** Options of L2's breaker. */
  readonly breaker?: BreakerOptions;
  /** Called with every failure that no caller learns of. An error that it throws is swallowed. */
  readonly onError?: (failure: TierFailure) => void;
  /** Functions that are called with each event of the cache. */
  readonly observers?: readonly Observer[];
  /** Records spans of the calls. Default: none. */
  readonly tracer?: Tracer;
  /** Gives the time. Default: the system's clock; a fake in tests. */
  readonly clock?: Clock;
  /** Gives random numbers and tokens. Default: the system's; seeded in tests. */
  readonly random?: Random;
}

/** Options of a breaker before the source. All loaders of the cache should ask the same source. */
export interface SourceOptions {
  /**
   * Returns true when a loader's error means that the source cannot be asked: refused, closed, timed out.
   * `isUnavailable` of `tiercel/postgres` is such a function. A request that the source refused, such as a row that
   * breaks a rule, is no failure of the source. An error that this function throws counts as false and goes to
   * `onError`.
   */
  readonly isFailure: (error: unknown) => boolean;
  /** Time after which a load counts as failed, even if it succeeds later. Default 2 s. */
  readonly slowAfter?: Duration;
  /** Options of this breaker. `settleMs` has no effect here: one success closes the breaker. */
  readonly breaker?: BreakerOptions;
}

/** Names of the options of `createCache`, with hints for names that belong elsewhere. */
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

/**
 * Returns the bound D in milliseconds.
 * @throws {@link InvalidOptionError} when it is below 150 ms or not finite.
 */
export function maxLagOf({ maxLag }: CacheOptions): number {
  const ms = maxLag === undefined ? DEFAULT_MAX_LAG_MS : toMs(maxLag, 'maxLag');
  if (ms >= SMALLEST_MAX_LAG_MS && Number.isFinite(ms)) return ms;
  throw new InvalidOptionError('maxLag', maxLag, `at least ${SMALLEST_MAX_LAG_MS} ms, and finite`);
}

const DEFAULT_MAX_VALUE_BYTES = 16 * 2 ** 20;
const MOST_VALUE_BYTES = 512 * 2 ** 20;

/**
 * Returns the length of the longest encoded value, in bytes.
 * @throws {@link InvalidOptionError} when the option is out of range.
 */
export function maxValueBytesOf({ maxValueBytes = DEFAULT_MAX_VALUE_BYTES }: CacheOptions): number {
  if (Number.isInteger(maxValueBytes) && maxValueBytes >= 1 && maxValueBytes <= MOST_VALUE_BYTES) return maxValueBytes;
  throw new InvalidOptionError('maxValueBytes', maxValueBytes, `a whole number from 1 to ${MOST_VALUE_BYTES}`);
}

const DEFAULT_SLOW_MS = 2_000;
const KNOWN_SOURCE_OPTIONS = knownNames(['isFailure', 'slowAfter', 'breaker'] satisfies (keyof SourceOptions)[]);

/**
 * Returns the milliseconds after which a load counts as failed.
 * @throws {@link InvalidOptionError} when they are not above 0.
 */
export function slowAfterOf({ slowAfter }: SourceOptions): number {
  const ms = slowAfter === undefined ? DEFAULT_SLOW_MS : toMs(slowAfter, 'source.slowAfter');
  if (ms > 0) return ms;
  throw new InvalidOptionError('source.slowAfter', slowAfter, 'longer than 0');
}

/**
 * Checks the options of a cache.
 * @throws {@link InvalidOptionError} naming the option that cannot be used.
 */
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

/** Checks the tiers and the other parts that a cache is made of. */
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

/**
 * Checks that an object can be an L1.
 * @throws {@link InvalidOptionError} otherwise.
 */
export function assertLocalTier(l1: unknown): void {
  assertPort('l1', l1, ['get', 'set', 'delete', 'clear', 'ids', 'usage'], 'a local tier, such as lru() of tiercel/lru');
}

/**
 * Checks that an object can trace.
 * @throws {@link InvalidOptionError} otherwise.
 */
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

/** Upper bounds of the breaker's numbers. All numbers are above 0, but `settleMs` may be 0. */
const MOST = new Map<string, number>(
  Object.entries({
    windowMs: Infinity,
    failureRatio: 1,
    minimumCalls: Infinity,
    // The open time must end, or no trial would ever run.
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
