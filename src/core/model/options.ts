import { assertNames, type KnownNames, knownNames } from './arguments.ts';
import { type Duration, toMs } from './duration.ts';
import { InvalidOptionError } from './errors.ts';
import { assertKey } from './key.ts';

/** What a loader is given beside the key. */
export interface LoaderContext {
  readonly key: string;
  /** Aborted at `hardTimeout`, on `close`, and when nobody waits for the load any more. Pass it on. */
  readonly signal: AbortSignal;
  /**
   * The value that this load replaces, if there still is one. Of no type: a loader that has to name the type of its own
   * answer could not have it inferred.
   */
  readonly stale: unknown;
  /** Sets this value's TTL (adaptive TTL); `0` hands it out without storing it. */
  setTtl(ttl: Duration): void;
  /** Adds tags that only the value reveals. */
  setTags(tags: readonly string[]): void;
  /** Hands the value out without storing it anywhere. */
  skip(): void;
}

/** Computes a missing value. `null` means that the source has none; `undefined` is refused. */
export type Loader<V> = (context: LoaderContext) => V | Promise<V>;

/** Freshness of an entry. Durations are milliseconds or `'250ms' | '30s' | '5m' | '1h' | '1d'`. */
export interface EntryOptions<V = unknown> {
  /** How long a value is fresh. Default 1 h; `Infinity` never expires, `0` is not stored. */
  readonly ttl?: Duration;
  /** How long L1 answers without asking L2. Default 30 s, shortened by `jitter`; without an L2, as long as `ttl`. */
  readonly l1Ttl?: Duration;
  /** The `ttl` of `null` (the source has no such thing). Default 30 s. */
  readonly negativeTtl?: Duration;
  /** After `ttl`: answer the old value at once and refresh behind it. Default 0. */
  readonly staleWhileRevalidate?: Duration;
  /** After `ttl`: answer the old value, flagged, if the loader fails. Default 0. */
  readonly staleIfError?: Duration;
  /** Shortens each TTL by up to this ratio, so that keys written together do not expire together. 0 to 1, default 0.1. */
  readonly jitter?: number;
  /** Names for invalidation, or a function of the value. At most 64. Default none. */
  readonly tags?: readonly string[] | ((value: V) => readonly string[]);
}

/** Options of one read. */
export interface ReadOptions<V = unknown> extends EntryOptions<V> {
  /**
   * Ratio of the TTL after which a hit refreshes in the background (0.8 is good); `false`, the default, never. `{ beta }`
   * lets each hit draw instead whether it does (XFetch): likelier towards the end of the TTL, and the longer a load takes;
   * 1 is good, more is earlier.
   */
  readonly refreshAhead?: number | { readonly beta: number } | false;
  /** With a stale value at hand, answer it after this long; the load goes on. `false`, the default, waits. */
  readonly softTimeout?: Duration | false;
  /**
   * Bounds this caller's own wait, counted from its call: for L2, for a load that it has joined, for one elsewhere in the
   * fleet, for a place among `maxLoads`. Then it fails, or is answered stale. The load goes on for callers who have time
   * left; it is aborted when the largest `hardTimeout` of those who joined, counted from its start, is over.
   * Default 10 s; `Infinity` never.
   */
  readonly hardTimeout?: Duration;
  /**
   * How long this caller waits for another instance that loads the key, counted from its call. Then this process loads the
   * key too, beside it, and its value is not stored in L2. `hardTimeout` bounds this wait in any case, so the default,
   * `Infinity`, is as long as the hard timeout; `0` never waits. Callers who share a load share the shortest of theirs.
   */
  readonly leaseWait?: Duration;
  /** The longest that one L2 operation may hold this read. Default 50 ms. */
  readonly l2Timeout?: Duration;
  /** How long the right to fill lasts if its holder dies. Renewed while the load runs. Default 5 s. */
  readonly lease?: Duration;
  /**
   * On whose behalf a load is: where `maxLoads` are running, places are shared out evenly among tenants. Default: the
   * namespace.
   */
  readonly tenant?: string;
  /** Load anew, whatever the tiers hold, and never join a running load. Default `false`. */
  readonly forceFresh?: boolean;
  /** Ends this caller's waiting; the load stops when nobody waits for it. */
  readonly signal?: AbortSignal;
}

/** Options of a `set`. */
export interface WriteOptions<V = unknown> extends EntryOptions<V> {
  /**
   * Refuse the write if a greater version is stored: in L2 or, without an L2, in L1. A safe integer, 0 or more. A value that
   * was loaded into L1 alone has no version. Default: the last call wins.
   */
  readonly version?: number;
}

/** Every default, in one place; the README's table is tested against it. */
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
  /** 1 when off: a hit is never past its whole TTL. */
  readonly refreshAhead: number;
  /** Of XFetch; 0 when off. */
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

/** What other caches call these. */
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

/** The options of reads that a cache may have defaults for. */
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

/** By what it can do: signals of another realm are no instances of this one's class. */
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
