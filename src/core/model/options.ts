import { assertNames, type KnownNames, knownNames } from './arguments.ts';
import { type Duration, toMs } from './duration.ts';
import { InvalidOptionError } from './errors.ts';
import { assertKey } from './key.ts';

/** The argument that a loader gets: the key, and the means to steer its load. */
export interface LoaderContext {
  readonly key: string;
  /** Aborted at `hardTimeout`, on `close`, and when no caller waits for the load any more. Pass it on. */
  readonly signal: AbortSignal;
  /**
   * The value that this load replaces, if there still is one. It is `unknown` because TypeScript could not infer the
   * type of a loader's answer if the loader had to name it.
   */
  readonly stale: unknown;
  /** Sets this value's TTL (adaptive TTL). `0` hands the value out without storing it. */
  setTtl(ttl: Duration): void;
  /** Adds tags that only the value reveals. */
  setTags(tags: readonly string[]): void;
  /** Hands the value out without storing it anywhere. */
  skip(): void;
}

/** A function that computes a missing value. `null` means that the source has none. The cache refuses `undefined`. */
export type Loader<V> = (context: LoaderContext) => V | Promise<V>;

/**
 * Options that decide the freshness of an entry. Durations are milliseconds or `'250ms' | '30s' | '5m' | '1h' | '1d'`.
 */
export interface EntryOptions<V = unknown> {
  /** Time for which a value is fresh. Default 1 h. `Infinity` never expires; a value with `0` is not stored. */
  readonly ttl?: Duration;
  /**
   * Time for which L1 answers without asking L2. Default 30 s, shortened by `jitter`; without an L2, as long as `ttl`.
   */
  readonly l1Ttl?: Duration;
  /** The `ttl` of `null`, which says that the source has no such value. Default 30 s. */
  readonly negativeTtl?: Duration;
  /** Time after `ttl` in which a read answers the old value at once and refreshes it in the background. Default 0. */
  readonly staleWhileRevalidate?: Duration;
  /** Time after `ttl` in which a read answers the old value, flagged, if the loader fails. Default 0. */
  readonly staleIfError?: Duration;
  /**
   * Shortens each TTL by up to this ratio, so that keys written together do not expire together. 0 to 1, default 0.1.
   */
  readonly jitter?: number;
  /** Names for invalidation, or a function that derives them from the value. At most 64. Default none. */
  readonly tags?: readonly string[] | ((value: V) => readonly string[]);
}

/** Options of one read. */
export interface ReadOptions<V = unknown> extends EntryOptions<V> {
  /**
   * Ratio of the TTL after which a hit refreshes the value in the background (0.8 is good). Default `false`: never.
   *
   * With `{ beta }` each hit draws instead (XFetch). A refresh is likelier towards the end of the TTL, and when a load
   * takes long. 1 is good; a greater number refreshes earlier.
   */
  readonly refreshAhead?: number | { readonly beta: number } | false;
  /**
   * Time after which a stale value at hand answers. The load goes on. Default `false`: the caller waits for the load.
   */
  readonly softTimeout?: Duration | false;
  /**
   * Bounds this caller's own wait, counted from its call. Default 10 s; `Infinity` never ends the wait. The wait may be
   * for L2, for a load that the caller has joined, for a load elsewhere in the fleet, or for a place among `maxLoads`.
   * After it the call fails, or is answered with a stale value.
   *
   * The load goes on for callers who have time left. It is aborted when the largest `hardTimeout` of its callers,
   * counted from its start, is over.
   */
  readonly hardTimeout?: Duration;
  /**
   * Time for which this caller waits for another instance that loads the key, counted from its call. Default
   * `Infinity`: as long as `hardTimeout`, which bounds this wait in any case. `0` never waits.
   *
   * After the wait this process loads the key too, and does not store the value in L2. Callers who share a load share
   * the shortest of their waits.
   */
  readonly leaseWait?: Duration;
  /** Longest time for which one L2 operation may hold this read. Default 50 ms. */
  readonly l2Timeout?: Duration;
  /**
   * Time for which the right to fill lasts if its holder dies. The holder renews it while the load runs. Default 5 s.
   */
  readonly lease?: Duration;
  /**
   * The tenant on whose behalf a load runs. When `maxLoads` are running, tenants share the places evenly. Default: the
   * namespace.
   */
  readonly tenant?: string;
  /** Loads anew, whatever the tiers hold, and never joins a running load. Default `false`. */
  readonly forceFresh?: boolean;
  /** Ends this caller's wait. The load stops when no other caller waits for it. */
  readonly signal?: AbortSignal;
}

/** Options of a `set`. */
export interface WriteOptions<V = unknown> extends EntryOptions<V> {
  /**
   * Version of the value: a safe integer, 0 or more. L2, or L1 in a cache without an L2, refuses the write if it holds
   * a greater one. A value that was loaded into L1 alone has no version. Default: the last call wins.
   */
  readonly version?: number;
}

/** Every default, in one place. A test compares the README's table with it. */
export const DEFAULTS = Object.freeze({
  ttl: '1h',
  l1Ttl: '30s',
  negativeTtl: '30s',
  staleWhileRevalidate: 0,
  staleIfError: 0,
  refreshAhead: false,
  jitter: 0.1,
  softTimeout: false,
  hardTimeout: '10s',
  leaseWait: Infinity,
  l2Timeout: 50,
  lease: '5s',
  tags: Object.freeze([]) as readonly string[],
  forceFresh: false,
} as const satisfies Required<Omit<ReadOptions, 'signal' | 'tenant'>>);

/** Most tags of one entry. */
export const MAX_TAGS = 64;

/** {@link ReadOptions} with every default filled in and every duration in milliseconds (`Infinity` for "off"). */
export interface ResolvedOptions {
  readonly ttlMs: number;
  readonly l1TtlMs: number;
  readonly negativeTtlMs: number;
  readonly staleWhileRevalidateMs: number;
  readonly staleIfErrorMs: number;
  /** 1 when off, since a hit is never past its whole TTL. */
  readonly refreshAhead: number;
  /** The `beta` of XFetch; 0 when off. */
  readonly xfetchBeta: number;
  readonly jitter: number;
  readonly softTimeoutMs: number;
  readonly hardTimeoutMs: number;
  readonly leaseWaitMs: number;
  readonly l2TimeoutMs: number;
  readonly leaseMs: number;
  readonly tags: readonly string[];
  readonly tagsOf: ((value: unknown) => readonly string[]) | undefined;
  readonly forceFresh: boolean;
  readonly signal: AbortSignal | undefined;
  readonly tenant: string | undefined;
  readonly version: number | undefined;
}

type AnyOptions = ReadOptions<never> & WriteOptions<never>;

const READS_ALONE = 'it is an option of reads alone';

const EACH_CALL = 'it is an option of each call';

const ENTRY_NAMES = [
  'ttl',
  'l1Ttl',
  'negativeTtl',
  'staleWhileRevalidate',
  'staleIfError',
  'jitter',
  'tags',
] as const satisfies (keyof EntryOptions)[];

/** Names that other caches give to these options. */
const SYNONYMS = {
  timeToLive: 'write ttl',
  maxAge: 'write ttl',
  expires: 'write ttl',
  expiresIn: 'write ttl',
  swr: 'write staleWhileRevalidate',
  grace: 'write staleIfError',
  gracePeriod: 'write staleIfError',
  timeout: 'write hardTimeout, softTimeout or l2Timeout',
};

/** The options of a read. */
export const READ_NAMES = knownNames([...Object.keys(DEFAULTS), 'signal', 'tenant'], {
  ...SYNONYMS,
  version: 'it is an option of set, and, for the schema of the values, of createCache',
});

/** The options of a write. */
export const WRITE_NAMES = knownNames([...ENTRY_NAMES, 'version'], {
  ...SYNONYMS,
  ...Object.fromEntries(
    [...READ_NAMES.names].filter((name) => !ENTRY_NAMES.some((own) => own === name)).map((name) => [name, READS_ALONE]),
  ),
});

/** The options of reads for which a cache may have defaults. */
export const DEFAULT_NAMES = knownNames(
  [...READ_NAMES.names].filter((name) => !['signal', 'tenant', 'forceFresh', 'tags'].includes(name)),
  { ...SYNONYMS, tags: EACH_CALL, signal: EACH_CALL, tenant: EACH_CALL, forceFresh: EACH_CALL },
);

/**
 * Fills in defaults and turns durations into milliseconds.
 * @param known The options that this call has.
 * @throws {@link InvalidOptionError} naming the option and the value that cannot be used.
 */
export function resolveOptions(
  options: AnyOptions = {},
  defaults: ResolvedOptions = RESOLVED_DEFAULTS,
  known: KnownNames = READ_NAMES,
): ResolvedOptions {
  assertNames('options', options, known);
  const { refreshAhead, jitter, softTimeout, tags, forceFresh, signal, tenant, version } = options;
  if (tags !== undefined && typeof tags !== 'function') assertTags(tags);
  return {
    ttlMs: ms('ttl', options.ttl, defaults.ttlMs),
    l1TtlMs: ms('l1Ttl', options.l1Ttl, defaults.l1TtlMs),
    negativeTtlMs: ms('negativeTtl', options.negativeTtl, defaults.negativeTtlMs),
    staleWhileRevalidateMs: ms('staleWhileRevalidate', options.staleWhileRevalidate, defaults.staleWhileRevalidateMs),
    staleIfErrorMs: ms('staleIfError', options.staleIfError, defaults.staleIfErrorMs),
    ...aheadOf(refreshAhead, defaults),
    jitter: ratio('jitter', jitter, defaults.jitter),
    softTimeoutMs: softTimeout === false ? Infinity : ms('softTimeout', softTimeout, defaults.softTimeoutMs),
    hardTimeoutMs: positive('hardTimeout', ms('hardTimeout', options.hardTimeout, defaults.hardTimeoutMs)),
    leaseWaitMs: ms('leaseWait', options.leaseWait, defaults.leaseWaitMs),
    l2TimeoutMs: positive('l2Timeout', ms('l2Timeout', options.l2Timeout, defaults.l2TimeoutMs)),
    leaseMs: finite('lease', positive('lease', ms('lease', options.lease, defaults.leaseMs))),
    tags: Array.isArray(tags) ? [...new Set(tags)] : defaults.tags,
    tagsOf: typeof tags === 'function' ? (tags as (value: unknown) => readonly string[]) : defaults.tagsOf,
    forceFresh: forceFresh === undefined ? defaults.forceFresh : boolean('forceFresh', forceFresh),
    signal: signal === undefined ? undefined : abortSignal('signal', signal),
    tenant: tenant === undefined ? undefined : text('tenant', tenant),
    version: version === undefined ? undefined : safeInteger('version', version),
  };
}

/**
 * Asserts that a value is a list of usable tags.
 * @throws {@link InvalidOptionError} when there are more than {@link MAX_TAGS} or it is no array.
 * @throws {@link InvalidKeyError} when one of them is no usable tag.
 */
export function assertTags(tags: unknown): asserts tags is readonly string[] {
  if (!Array.isArray(tags))
    throw new InvalidOptionError('tags', tags, 'an array of strings, or a function of the value that gives one');
  if (tags.length > MAX_TAGS) throw new InvalidOptionError('tags', tags.length, `at most ${MAX_TAGS} tags`);
  for (const tag of tags) assertKey(tag, 'tag');
}

function ms(option: string, given: Duration | undefined, otherwise: number): number {
  return given === undefined ? otherwise : toMs(given, option);
}

function ratio(option: string, given: unknown, otherwise: number): number {
  if (given === undefined) return otherwise;
  if (typeof given === 'number' && given >= 0 && given <= 1) return given;
  throw new InvalidOptionError(option, given, 'a ratio from 0 to 1');
}

function aheadOf(
  given: ReadOptions['refreshAhead'],
  { refreshAhead, xfetchBeta }: Pick<ResolvedOptions, 'refreshAhead' | 'xfetchBeta'>,
): Pick<ResolvedOptions, 'refreshAhead' | 'xfetchBeta'> {
  if (given === undefined) return { refreshAhead, xfetchBeta };
  if (given === false) return { refreshAhead: 1, xfetchBeta: 0 };
  if (typeof given !== 'object' || given === null)
    return { refreshAhead: ratio('refreshAhead', given, refreshAhead), xfetchBeta: 0 };
  assertNames('refreshAhead', given, AHEAD_NAMES, 'refreshAhead.');
  const { beta } = given;
  if (typeof beta === 'number' && beta > 0 && Number.isFinite(beta)) return { refreshAhead: 1, xfetchBeta: beta };
  throw new InvalidOptionError('refreshAhead', beta, 'a ratio, or { beta } with a number above 0');
}

const AHEAD_NAMES = knownNames(['beta']);

function positive(option: string, ms: number): number {
  if (ms > 0) return ms;
  throw new InvalidOptionError(option, ms, 'longer than 0');
}

function finite(option: string, ms: number): number {
  if (Number.isFinite(ms)) return ms;
  throw new InvalidOptionError(option, ms, 'finite: a holder that dies must lose it');
}

function boolean(option: string, given: unknown): boolean {
  if (typeof given === 'boolean') return given;
  throw new InvalidOptionError(option, given, 'true or false');
}

function text(option: string, given: unknown): string {
  if (typeof given === 'string') return given;
  throw new InvalidOptionError(option, given, 'a string');
}

/** Refuses a value that is no signal. It checks a method, since signals of another realm have another class. */
export function abortSignal(option: string, given: AbortSignal): AbortSignal {
  if (typeof given?.throwIfAborted === 'function') return given;
  throw new InvalidOptionError(option, given, 'an AbortSignal');
}

function safeInteger(option: string, given: unknown): number {
  if (Number.isSafeInteger(given) && (given as number) >= 0) return given as number;
  throw new InvalidOptionError(option, given, 'a safe integer, 0 or more');
}

const OFF: ResolvedOptions = {
  ttlMs: 0,
  l1TtlMs: 0,
  negativeTtlMs: 0,
  staleWhileRevalidateMs: 0,
  staleIfErrorMs: 0,
  refreshAhead: 1,
  xfetchBeta: 0,
  jitter: 0,
  softTimeoutMs: Infinity,
  hardTimeoutMs: Infinity,
  leaseWaitMs: Infinity,
  l2TimeoutMs: Infinity,
  leaseMs: 1,
  tags: [],
  tagsOf: undefined,
  forceFresh: false,
  signal: undefined,
  tenant: undefined,
  version: undefined,
};

/** {@link DEFAULTS}, resolved. */
export const RESOLVED_DEFAULTS: ResolvedOptions = Object.freeze(resolveOptions(DEFAULTS, OFF));
