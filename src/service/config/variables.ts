import {
  flag,
  hostList,
  httpUrl,
  integer,
  integrityKeys,
  matching,
  oneOf,
  type Reader,
  redisUrl,
  serverUrl,
} from './readers.ts';
import { isStrongToken } from './token-strength.ts';

/** One variable of the environment. */
export interface Variable<T = unknown> {
  readonly meaning: string;
  readonly read: Reader<T>;
  /** The text that counts when the variable is not given. Without a default, the variable stays unset. */
  readonly default?: string;
  /** The meaning of an unset variable in `--help`, where there is no `default`. */
  readonly unset?: string;
  /** True for a secret. It is never printed, and it can come from the file that `<NAME>_FILE` names. */
  readonly secret?: true;
}

const HIGHEST = Number.MAX_SAFE_INTEGER;
const DAY_MS = 86_400_000;

const postgresUrl = serverUrl(
  { postgres: /^(?:\/[^/]*)?$/, postgresql: /^(?:\/[^/]*)?$/ },
  'postgres://[user:password@]host[:port]/database, special characters percent-encoded',
);

const staticToken: Reader<string> = (text) =>
  isStrongToken(text)
    ? { value: text }
    : {
        expected:
          '32 or more letters, digits and -._~+/ (openssl rand -hex 32 makes one), and no repetition of a few characters',
      };

/**
 * The variables that the service reads, in the order of `--help`. Defaults and help come from here alone. The families
 * `CACHE_TTL_<GROUP>` and `OTEL_*` stand in `FAMILIES`.
 */
export const VARIABLES = {
  HOST: {
    default: '127.0.0.1',
    meaning: 'address to listen on',
    read: matching(/^[A-Za-z0-9.:_-]+$/, 'a host name or an IP address'),
  },
  PORT: { default: '3000', meaning: 'port to listen on; 0 takes a free one', read: integer(0, 65_535) },
  ALLOWED_HOSTS: {
    unset: 'loopback names or any',
    meaning:
      'hosts that requests may name, separated by commas; *.name for all below it, * for any; unset: loopback names where AUTH=none and HOST is loopback, else any. Probes are answered for every host',
    read: hostList,
  },
  MAX_REQUESTS: {
    default: '10000',
    meaning: 'requests that may wait for their answer at once; beyond it 503',
    read: integer(1, 1_000_000),
  },
  DATABASE_URL: {
    unset: 'embedded PGlite',
    meaning: 'Postgres 15 or later; unset: a PGlite in memory with the sample catalog',
    secret: true,
    read: postgresUrl,
  },
  REDIS_URL: {
    unset: 'no L2, no bus',
    meaning: 'Redis 7.0 or later, or Valkey 7.2 or later: redis://, or rediss:// for TLS',
    secret: true,
    read: redisUrl,
  },
  REDIS_TIMEOUT_MS: {
    default: '50',
    meaning: 'longest time a request waits for one Redis operation',
    read: integer(1, 2_000),
  },
  REDIS_CONNECT_TIMEOUT_MS: {
    default: '2000',
    meaning: 'longest time to open a connection to Redis',
    read: integer(1, 60_000),
  },
  REDIS_CONNECTIONS: {
    default: '1',
    meaning: 'multiplexed command connections beside the subscriber',
    read: integer(1, 16),
  },
  REDIS_PROBE_MS: {
    default: '30000',
    meaning: 'longest time between two probes of a Redis that is away',
    read: integer(100, DAY_MS),
  },
  CACHE_NAMESPACE: {
    default: 'tiercel',
    meaning: 'prefix of every Redis key and channel',
    read: matching(/^[A-Za-z0-9._-]{1,64}$/, 'up to 64 letters, digits, dots, underscores and hyphens'),
  },
  CACHE_INTEGRITY_KEYS: {
    unset: 'nothing is signed',
    meaning:
      'keys that sign values and messages in Redis, <id>:<base64>,…: the first signs, all are read; see docs/security.md',
    secret: true,
    read: integrityKeys,
  },
  CACHE_L1_MAX_BYTES: { default: '67108864', meaning: 'estimated bytes that L1 may hold', read: integer(1, HIGHEST) },
  CACHE_L1_MAX_ENTRIES: { default: '100000', meaning: 'entries that L1 may hold', read: integer(1, 2 ** 24) },
  CACHE_L1_TTL_MS: { default: '30000', meaning: 'how long L1 answers without asking L2', read: integer(0, DAY_MS) },
  CACHE_MAX_LAG_MS: {
    default: '1500',
    meaning: 'how long L1 answers without a proof that it has missed no invalidation',
    read: integer(150, 60_000),
  },
  CACHE_DISABLED: { default: 'false', meaning: 'true: every read goes to the source', read: flag },
  CACHE_WARM_ON_START: { default: 'false', meaning: 'true: warm the cache before /readyz says yes', read: flag },
  CACHE_NEW_KEYS_PER_MINUTE: {
    default: '10000',
    meaning: 'new keys that one org may bring into the cache in a minute; beyond, answers are not stored',
    read: integer(1, 10_000_000),
  },
  DATABASE_POOL: {
    default: '10',
    meaning: 'connections; 4 in the test profile, always 1 with PGlite',
    read: integer(1, 1_000),
  },
  DATABASE_MAX_LOADS: { default: '64', meaning: 'concurrent loads before shedding', read: integer(1, 100_000) },
  DATABASE_WAIT_MS: {
    default: '30000',
    meaning: 'how long a start waits for a database that is away; then exit 69',
    read: integer(0, DAY_MS),
  },
  AUTH: {
    unset: 'none with PGlite, else token',
    meaning:
      'access to the data routes: token (API tokens), or none (every client; beyond the dev profile only where HOST is loopback)',
    read: oneOf('none', 'token'),
  },
  ADMIN_TOKEN: {
    unset: 'random with PGlite, else off',
    meaning:
      'opens the admin routes and may write data; at least 32 characters; unset: printed once, or those routes answer 403',
    secret: true,
    read: staticToken,
  },
  VIEWER_TOKEN: {
    unset: 'random with PGlite, else off',
    meaning: 'opens statistics, health and metrics and may read data; otherwise as ADMIN_TOKEN',
    secret: true,
    read: staticToken,
  },
  TOKEN_GRACE_MS: {
    default: '900000',
    meaning: 'how long after its last look-up a known API token still reads while the database is away; 0: not at all',
    read: integer(0, DAY_MS),
  },
  ALERT_WEBHOOK_URL: { unset: 'unset', meaning: 'where alerts are posted to', secret: true, read: httpUrl },
  MIGRATE: {
    default: 'auto',
    meaning: 'auto: apply pending migrations at start; off: refuse to start when there are some',
    read: oneOf('auto', 'off'),
  },
  TIERCEL_PROFILE: {
    unset: 'dev with PGlite, else production',
    meaning: 'dev, test (small pool, JSON logs) or production (refuses PGlite)',
    read: oneOf('dev', 'test', 'production'),
  },
  LOG_LEVEL: {
    default: 'info',
    meaning: 'trace, debug, info, warn, error, fatal or silent',
    read: oneOf('trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'),
  },
} as const satisfies Readonly<Record<string, Variable>>;

/** The families of variables, for `--help`. */
export const FAMILIES = {
  'CACHE_TTL_<GROUP>': {
    unset: "each resource's own",
    meaning: 'time to live of a group of keys, e.g. CACHE_TTL_PRODUCT=10m',
  },
  'OTEL_*': {
    unset: 'no exporter',
    meaning:
      'as the OpenTelemetry specification; nothing is exported without an OTLP endpoint or with OTEL_SDK_DISABLED=true',
  },
} as const satisfies Readonly<Record<string, Omit<Variable, 'read'>>>;

export type VariableName = keyof typeof VARIABLES;

type ValueOf<V> = V extends { readonly read: Reader<infer T> }
  ? V extends { readonly default: string }
    ? T
    : T | undefined
  : never;

/** The value of each variable: its default, or `undefined` where there is none. */
export type Values = { readonly [N in VariableName]: ValueOf<(typeof VARIABLES)[N]> };

/** Returns the TTL variable of a group: `products:org` → `CACHE_TTL_PRODUCTS_ORG`. */
export function ttlVariable(group: string): string {
  return `CACHE_TTL_${group.toUpperCase().replaceAll(/[^A-Z0-9]/g, '_')}`;
}
