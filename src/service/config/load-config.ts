import { readFileSync } from 'node:fs';
import { ConfigError } from './config-error.ts';
import { type Environment, type EnvironmentReading, type ReadFile, readTtls, readVariables } from './environment.ts';
import { isLoopback } from './loopback.ts';
import { misspelt } from './misspelt.ts';
import type { Config, RedisConfig, StaticToken } from './shape.ts';
import { ttlVariable, VARIABLES, type Values, type VariableName } from './variables.ts';

export { ConfigError, EXIT_BAD_CONFIG } from './config-error.ts';
export { describeConfig } from './describe.ts';
export type { Environment } from './environment.ts';
export type { Config, RedisConfig, StaticToken } from './shape.ts';

/** The inputs of the configuration that the environment does not give. */
export interface LoadOptions {
  /** True when stdout is a terminal. */
  readonly isTerminal: boolean;
  /** The groups whose TTL can be set, e.g. `product`, `products:org`. Default none. */
  readonly groups?: readonly string[];
  /** Reads `…_FILE` variables. Default: the file system. */
  readonly readFile?: ReadFile;
}

/** Returns this process's environment. No other code of the service reads it. */
export function processEnvironment(): Environment {
  return process.env;
}

/**
 * Reads and checks the configuration.
 * @throws {@link ConfigError} with every problem found.
 */
export function loadConfig(env: Environment, options: LoadOptions): Config {
  const reading = readVariables(env, ALL, options.readFile ?? readTextFile);
  const { ttls, problems: ttlProblems } = readTtls(env, options.groups ?? []);
  const embedded = !reading.isGiven('DATABASE_URL');
  const profile = reading.values.TIERCEL_PROFILE ?? (embedded ? 'dev' : 'production');
  const auth = reading.values.AUTH ?? (embedded ? 'none' : 'token');
  const problems = [...reading.problems, ...ttlProblems, ...contradictions(reading, { embedded, profile, auth })];
  if (problems.length > 0) throw new ConfigError(problems);

  const { values, isGiven } = reading;
  return {
    profile,
    http: {
      host: values.HOST,
      port: values.PORT,
      allowedHosts: values.ALLOWED_HOSTS ?? (auth === 'none' && isLoopback(values.HOST) ? 'loopback' : 'any'),
      maxRequests: values.MAX_REQUESTS,
    },
    database: {
      url: values.DATABASE_URL,
      pool: embedded ? 1 : profile === 'test' && !isGiven('DATABASE_POOL') ? TEST_POOL : values.DATABASE_POOL,
      maxLoads: values.DATABASE_MAX_LOADS,
      migrate: values.MIGRATE,
      waitMs: values.DATABASE_WAIT_MS,
    },
    redis: redisConfig(values),
    cache: {
      namespace: values.CACHE_NAMESPACE,
      l1: {
        maxBytes: values.CACHE_L1_MAX_BYTES,
        maxEntries: values.CACHE_L1_MAX_ENTRIES,
        ttlMs: values.CACHE_L1_TTL_MS,
      },
      maxLagMs: values.CACHE_MAX_LAG_MS,
      disabled: values.CACHE_DISABLED,
      warmOnStart: values.CACHE_WARM_ON_START,
      newKeysPerMinute: values.CACHE_NEW_KEYS_PER_MINUTE,
      ttlMs: ttls,
    },
    auth: {
      mode: auth,
      admin: staticToken(values.ADMIN_TOKEN, embedded),
      viewer: staticToken(values.VIEWER_TOKEN, embedded),
      tokenGraceMs: values.TOKEN_GRACE_MS,
    },
    alerts: { webhookUrl: values.ALERT_WEBHOOK_URL },
    log: { level: values.LOG_LEVEL, format: options.isTerminal && profile !== 'test' ? 'pretty' : 'json' },
    telemetry: { exporting: isExporting(env) },
    warnings: [
      ...(profile === 'production' && auth === 'none'
        ? ['AUTH=none in production: every client that reaches the port may write']
        : []),
      ...(values.CACHE_INTEGRITY_KEYS !== undefined && values.REDIS_URL === undefined
        ? ['CACHE_INTEGRITY_KEYS signs nothing: REDIS_URL is not set']
        : []),
      ...misspelt(namesOf(env), [...KNOWN, ...(options.groups ?? []).map(ttlVariable)]),
    ],
  };
}

/** Returns the names of the given variables. An empty variable counts as not given. */
function namesOf(env: Environment): string[] {
  return Object.entries(env).flatMap(([name, text]) => (text ? [name] : []));
}

/**
 * Reads the database URL for the operator scripts. They cannot use the embedded database, which ends with the service's
 * process.
 * @throws {@link ConfigError} when `DATABASE_URL` is missing or wrong.
 */
export function loadDatabaseUrl(env: Environment, readFile: ReadFile = readTextFile): string {
  const { values, problems, isGiven } = readVariables(env, ['DATABASE_URL'], readFile);
  const missing = isGiven('DATABASE_URL')
    ? []
    : ['DATABASE_URL is not set; the embedded database is migrated and seeded by the service itself'];
  if (values.DATABASE_URL === undefined) throw new ConfigError([...problems, ...missing]);
  return values.DATABASE_URL;
}

const ALL = Object.keys(VARIABLES) as VariableName[];

const KNOWN = ALL.flatMap((name) => ('secret' in VARIABLES[name] ? [name, `${name}_FILE`] : [name]));

function readTextFile(path: string): string {
  return readFileSync(path, 'utf8');
}

/** Connections of one instance in the test profile. The pool is small, so that many instances fit on one test server. */
const TEST_POOL = 4;

function contradictions(
  { values, isGiven }: EnvironmentReading<VariableName>,
  {
    embedded,
    profile,
    auth,
  }: Pick<Config, 'profile'> & { readonly embedded: boolean; readonly auth: 'none' | 'token' },
): string[] {
  const problems: string[] = [];
  if (auth === 'none' && profile !== 'dev' && values.HOST !== undefined && !isLoopback(values.HOST)) {
    problems.push(
      `AUTH=none with HOST=${JSON.stringify(values.HOST)} is for TIERCEL_PROFILE=dev alone: every client that reaches this address may write; set AUTH=token, or a HOST that is loopback`,
    );
  }
  if (embedded && values.TIERCEL_PROFILE === 'production') {
    problems.push(
      'TIERCEL_PROFILE="production" needs DATABASE_URL: the embedded database forgets everything at the end',
    );
  }
  if (isGiven('ADMIN_TOKEN') && values.ADMIN_TOKEN !== undefined && values.ADMIN_TOKEN === values.VIEWER_TOKEN) {
    problems.push('ADMIN_TOKEN and VIEWER_TOKEN (not shown) must differ: a viewer could do what an admin can');
  }
  return problems;
}

function redisConfig(values: Values): RedisConfig | undefined {
  if (values.REDIS_URL === undefined) return undefined;
  return {
    url: values.REDIS_URL,
    timeoutMs: values.REDIS_TIMEOUT_MS,
    connectTimeoutMs: values.REDIS_CONNECT_TIMEOUT_MS,
    connections: values.REDIS_CONNECTIONS,
    probeMs: values.REDIS_PROBE_MS,
    integrityKeys: values.CACHE_INTEGRITY_KEYS,
  };
}

/**
 * Reads an operator's token. Random tokens are for trying the service out. With a real database, only an operator's explicit
 * setting opens the admin routes.
 */
function staticToken(value: string | undefined, embedded: boolean): StaticToken {
  if (value !== undefined) return { kind: 'given', value };
  return embedded ? { kind: 'generate' } : { kind: 'off' };
}

function isExporting(env: Environment): boolean {
  const disabled = env.OTEL_SDK_DISABLED?.toLowerCase() === 'true';
  return (
    !disabled &&
    Object.entries(env).some(([name, text]) => /^OTEL_EXPORTER_OTLP_(\w+_)?ENDPOINT$/.test(name) && text !== '')
  );
}
