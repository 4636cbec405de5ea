import { emitWarning } from 'node:process';
import type { RedisOptions as ClientOptions } from 'ioredis';
import { assertFunction, assertNames, knownNames } from '../../core/model/arguments.ts';
import { assertNamespace } from '../../core/model/cache-name.ts';
import { InvalidOptionError } from '../../core/model/errors.ts';
import { Integrity } from './protocol/integrity.ts';

/** Options of {@link redis}. */
export interface RedisOptions {
  /**
   * Begins the name of every key and channel. 1 to 64 letters, digits and `.`, `_`, `:`, `-`; default: the name of the
   * cache. Caches with the same namespace share their entries.
   */
  readonly namespace?: string;
  /** The time limit of one attempt to connect, in milliseconds. Default 2,000. */
  readonly connectTimeout?: number;
  /**
   * Multiplexed connections for commands, beside the one of the bus. 1 to 16, default 1; more help only where single
   * values are so big that others wait behind them.
   */
  readonly connections?: number;
  /**
   * Longest pause between two attempts to connect to a server that is away, in milliseconds. Default 1,000; more is cut
   * to that.
   */
  readonly probeEvery?: number;
  /**
   * Compresses values on their way to Redis: `true`, or from how many encoded bytes on, `threshold`, default 8,192. Pays where
   * the network gives this process less than some 2 Gbit/s, or Redis's memory is what is short; on one machine it only costs
   * time. JSON shrinks to about a third. L1 is not concerned, and compressed values are read whatever this says, so it can be changed
   * while instances run. Default `false`.
   */
  readonly compression?: boolean | CompressionOptions;
  /**
   * Keys with which records and messages are signed (HMAC-SHA-256): `<id>:<key>`, or several with commas between them. The id
   * has 1 to 16 letters, digits, `_` or `-`; the key is base64 of at least 16 random bytes. The first one signs, all are read.
   * A value or an invalidation without a valid MAC is then a miss or a gap. Default: none, which costs nothing. See
   * `docs/security.md`.
   */
  readonly integrityKey?: string;
  /**
   * Told of a second open cache with the same address, database and namespace in this process.
   * Default: a process warning named `TiercelWarning`.
   */
  readonly onWarning?: (warning: string) => void;
}

/** When {@link redis} compresses a value. */
export interface CompressionOptions {
  /** Shortest encoded value that is compressed, in bytes. A whole number, 0 for all; default 8,192. */
  readonly threshold?: number;
}

/** {@link RedisOptions} with every default filled in. */
export interface ResolvedRedisOptions
  extends Required<Omit<RedisOptions, 'compression' | 'namespace' | 'integrityKey'>> {
  /** Unset: the name of the cache. */
  readonly namespace: string | undefined;
  /** From so many bytes on; `Infinity` for never. */
  readonly compressFrom: number;
  /** Unset: nothing is signed. */
  readonly integrity: Integrity | undefined;
}

/** Below it a fill and a hit cost more time than a network of 1 Gbit/s saves them; see `bench/compression.ts`. */
const COMPRESS_FROM = 8_192;

/** ioredis's own options, without the one whose type fits no constructor of it under exact optional properties. */
export type ClientSettings = Omit<ClientOptions, 'replyMapping'>;

const MOST_CONNECTIONS = 16;

const IN_THE_URL = 'it belongs into the URL: redis://user:password@host:port/database, rediss:// for TLS';

const KNOWN = knownNames(
  [
    'namespace',
    'connectTimeout',
    'connections',
    'probeEvery',
    'compression',
    'integrityKey',
    'onWarning',
  ] satisfies (keyof RedisOptions)[],
  {
    prefix: 'write namespace',
    keyPrefix: 'write namespace',
    ...Object.fromEntries(
      ['host', 'port', 'db', 'database', 'username', 'user', 'password', 'tls', 'url'].map((name) => [
        name,
        IN_THE_URL,
      ]),
    ),
    commandTimeout: "it is an option of createCache({ defaults: { l2Timeout: '50ms' } }), or of a read",
    lazyConnect: 'nothing is connected before the cache starts',
    ttl: 'it is an option of createCache({ defaults }), or of a read',
  },
);

const COMPRESSION_NAMES = knownNames(['threshold'] satisfies (keyof CompressionOptions)[]);

/**
 * @throws {@link InvalidOptionError} naming the option.
 */
export function resolveRedisOptions(options: RedisOptions): ResolvedRedisOptions {
  assertNames('options', options, KNOWN);
  const { namespace, connectTimeout = 2_000, connections = 1, probeEvery = 1_000 } = options;
  const { onWarning = (warning) => emitWarning(warning, 'TiercelWarning') } = options;
  if (namespace !== undefined) assertNamespace('namespace', namespace);
  assertTimer('connectTimeout', connectTimeout);
  if (!Number.isInteger(connections) || connections < 1 || connections > MOST_CONNECTIONS) {
    throw new InvalidOptionError('connections', connections, `a whole number from 1 to ${MOST_CONNECTIONS}`);
  }
  assertTimer('probeEvery', probeEvery);
  assertFunction('onWarning', onWarning, 'a function of a text');
  const integrity = options.integrityKey === undefined ? undefined : new Integrity(options.integrityKey);
  const compressFrom = compressFromOf(options);
  return { namespace, connectTimeout, connections, probeEvery, compressFrom, integrity, onWarning };
}

/** Platforms fire a timer beyond 32 signed bits at once, so a long wait would be none. */
const LONGEST_TIMER_MS = 2 ** 31 - 1;

function assertTimer(option: string, ms: unknown): void {
  if (typeof ms === 'number' && ms > 0 && ms <= LONGEST_TIMER_MS) return;
  throw new InvalidOptionError(option, ms, `a number of milliseconds above 0 and at most ${LONGEST_TIMER_MS}`);
}

function compressFromOf({ compression = false }: RedisOptions): number {
  if (typeof compression === 'boolean') return compression ? COMPRESS_FROM : Infinity;
  if (typeof compression !== 'object' || compression === null)
    throw new InvalidOptionError('compression', compression, 'true, false, or { threshold }');
  assertNames('compression', compression, COMPRESSION_NAMES, 'compression.');
  const { threshold = COMPRESS_FROM } = compression;
  if (Number.isSafeInteger(threshold) && threshold >= 0) return threshold;
  throw new InvalidOptionError('compression.threshold', threshold, 'a whole number of bytes, at least 0');
}

/**
 * Checks the address; ioredis itself reads it (user, password, database, TLS by `rediss://`).
 * @throws {@link InvalidOptionError} naming `url`; a password in it is not repeated.
 */
export function assertUrl(given: unknown): asserts given is string {
  if (typeof given !== 'string' || given === '') {
    throw new InvalidOptionError('url', given, 'the address of a Redis server, or an ioredis client');
  }
  const scheme = /^[a-z+]+(?=:\/\/)/i.exec(given)?.[0]?.toLowerCase() ?? 'no scheme';
  if (scheme === 'redis+sentinel' || scheme === 'redis+cluster') {
    throw new InvalidOptionError('url', scheme, 'redis:// or rediss://; Sentinel and Cluster are not supported yet');
  }
  if (scheme !== 'redis' && scheme !== 'rediss') throw new InvalidOptionError('url', scheme, 'redis:// or rediss://');
  if (!URL.canParse(given)) throw new InvalidOptionError('url', `${scheme}://…`, 'a well-formed URL');
  const { hostname, pathname, search, username, password } = new URL(given);
  if (!isEscapedWell(username) || !isEscapedWell(password))
    throw new InvalidOptionError('url', `${scheme}://…`, 'a URL whose user and password are escaped, a % as %25');
  if (hostname === '') throw new InvalidOptionError('url', `${scheme}://`, 'a URL with a host');
  if (!/^\/?\d*$/.test(pathname))
    throw new InvalidOptionError('url', `${scheme}://…/…`, 'a URL whose path is a database number');
  // ioredis takes any of its options from there, above those given here. A password may be among them.
  if (search !== '') throw new InvalidOptionError('url', `${scheme}://…?…`, 'a URL without a query');
}

function isEscapedWell(text: string): boolean {
  try {
    decodeURIComponent(text);
    return true;
  } catch {
    return false;
  }
}

/**
 * The options of every connection, wherever its address comes from: a command that cannot be sent now fails now, and one
 * without an answer fails with its connection. Nothing waits, nothing is sent twice.
 */
export const FAIL_FAST = {
  lazyConnect: true,
  enableOfflineQueue: false,
  // 0: at the first close, everything in flight is rejected.
  maxRetriesPerRequest: 0,
  // Re-sending would ask a restarted server questions of the old one.
  autoResendUnfulfilledCommands: false,
  // By hand instead: the acknowledgement is what the protocol waits for.
  autoResubscribe: false,
  // Our own opening asks more, and asks it at once.
  enableReadyCheck: false,
  // Between the polite end of a socket and its destruction. A silent peer never answers the politeness.
  disconnectTimeout: 1,
  // The backstop behind the cache's own budgets: a server loses the connection if it is silent while commands wait.
  // One timer a connection, where `commandTimeout` takes one a command.
  socketTimeout: 5_000,
} as const satisfies ClientSettings;
