import { describe, expect, test } from 'bun:test';
import { helpText } from '../../src/service/config/help.ts';
import {
  ConfigError,
  describeConfig,
  type Environment,
  loadConfig,
  loadDatabaseUrl,
} from '../../src/service/config/load-config.ts';
import { FAMILIES, ttlVariable, VARIABLES } from '../../src/service/config/variables.ts';

const GROUPS = ['product', 'products:org', 'bom', 'lp', 'dashboard:org', 'user:session'];
const DATABASE_URL = 'postgres://user:hunter2@db.internal:5432/catalog';
const TOKEN = 'admin-token-of-the-tests-0123456789';
const INTEGRITY_KEYS = 'k2:MDEyMzQ1Njc4OWFiY2RlZg==,k1:ZmVkY2JhOTg3NjU0MzIxMA==';

const load = (env: Environment, files: Readonly<Record<string, string>> = {}) =>
  loadConfig(env, {
    isTerminal: false,
    groups: GROUPS,
    readFile: (path) => {
      const text = files[path];
      if (text === undefined) throw Object.assign(new Error('no such file'), { code: 'ENOENT' });
      return text;
    },
  });

const problemsOf = (env: Environment, files?: Readonly<Record<string, string>>): readonly string[] => {
  try {
    load(env, files);
  } catch (error) {
    if (error instanceof ConfigError) return error.problems;
    throw error;
  }
  return [];
};

describe('an empty environment', () => {
  test('gives the documented defaults', () => {
    expect(load({})).toEqual({
      profile: 'dev',
      http: { host: '127.0.0.1', port: 3000, allowedHosts: 'loopback', maxRequests: 10_000 },
      database: { url: undefined, pool: 1, maxLoads: 64, migrate: 'auto', waitMs: 30_000 },
      redis: undefined,
      cache: {
        namespace: 'tiercel',
        l1: { maxBytes: 67_108_864, maxEntries: 100_000, ttlMs: 30_000 },
        maxLagMs: 1_500,
        disabled: false,
        warmOnStart: false,
        newKeysPerMinute: 10_000,
        ttlMs: {},
      },
      auth: { mode: 'none', admin: { kind: 'generate' }, viewer: { kind: 'generate' }, tokenGraceMs: 900_000 },
      alerts: { webhookUrl: undefined },
      log: { level: 'info', format: 'json' },
      telemetry: { exporting: false },
      warnings: [],
    });
  });

  test('is what empty variables amount to', () => {
    const empty = Object.fromEntries(
      Object.keys(VARIABLES).flatMap((name) => [
        [name, ''],
        [`${name}_FILE`, ''],
      ]),
    );
    expect(load({ ...empty, CACHE_TTL_PRODUCT: '' })).toEqual(load({}));
  });
});

describe('values', () => {
  test('each reach their place', () => {
    const config = load({
      HOST: '127.0.0.2',
      PORT: '0',
      ALLOWED_HOSTS: 'shop.example, *.shop.example',
      MAX_REQUESTS: '500',
      DATABASE_URL,
      DATABASE_WAIT_MS: '0',
      DATABASE_POOL: '20',
      DATABASE_MAX_LOADS: '5',
      REDIS_URL: 'rediss://:p%40ss@cache:6380/2',
      REDIS_TIMEOUT_MS: '2000',
      REDIS_CONNECT_TIMEOUT_MS: '500',
      REDIS_CONNECTIONS: '3',
      REDIS_PROBE_MS: '1000',
      CACHE_NAMESPACE: 'shop-1',
      CACHE_INTEGRITY_KEYS: INTEGRITY_KEYS,
      CACHE_L1_MAX_BYTES: '1024',
      CACHE_L1_MAX_ENTRIES: '10',
      CACHE_L1_TTL_MS: '0',
      CACHE_TTL_PRODUCT: '10m',
      CACHE_TTL_PRODUCTS_ORG: '1.5h',
      CACHE_TTL_USER_SESSION: '250',
      CACHE_MAX_LAG_MS: '3000',
      CACHE_DISABLED: 'true',
      CACHE_WARM_ON_START: 'true',
      CACHE_NEW_KEYS_PER_MINUTE: '500',
      AUTH: 'none',
      ADMIN_TOKEN: TOKEN,
      VIEWER_TOKEN: `${TOKEN}b`,
      TOKEN_GRACE_MS: '0',
      ALERT_WEBHOOK_URL: 'https://hooks.example/T0/secret',
      MIGRATE: 'off',
      TIERCEL_PROFILE: 'test',
      LOG_LEVEL: 'debug',
      OTEL_EXPORTER_OTLP_ENDPOINT: 'http://collector:4318',
    });
    expect(config).toEqual({
      profile: 'test',
      http: { host: '127.0.0.2', port: 0, allowedHosts: ['shop.example', '*.shop.example'], maxRequests: 500 },
      database: { url: DATABASE_URL, pool: 20, maxLoads: 5, migrate: 'off', waitMs: 0 },
      redis: {
        url: 'rediss://:p%40ss@cache:6380/2',
        timeoutMs: 2_000,
        connectTimeoutMs: 500,
        connections: 3,
        probeMs: 1_000,
        integrityKeys: INTEGRITY_KEYS,
      },
      cache: {
        namespace: 'shop-1',
        l1: { maxBytes: 1_024, maxEntries: 10, ttlMs: 0 },
        maxLagMs: 3_000,
        disabled: true,
        warmOnStart: true,
        newKeysPerMinute: 500,
        ttlMs: { product: 600_000, 'products:org': 5_400_000, 'user:session': 250 },
      },
      auth: {
        mode: 'none',
        admin: { kind: 'given', value: TOKEN },
        viewer: { kind: 'given', value: `${TOKEN}b` },
        tokenGraceMs: 0,
      },
      alerts: { webhookUrl: 'https://hooks.example/T0/secret' },
      log: { level: 'debug', format: 'json' },
      telemetry: { exporting: true },
      warnings: [],
    });
  });

  test('a real database makes it production: tokens asked for, none made up', () => {
    const config = load({ DATABASE_URL });
    expect(config).toMatchObject({
      profile: 'production',
      database: { pool: 10 },
      auth: { mode: 'token', admin: { kind: 'off' }, viewer: { kind: 'off' } },
    });
    expect(load({ DATABASE_URL, TIERCEL_PROFILE: 'test' }).database.pool).toBe(4);
    expect(load({ DATABASE_URL, AUTH: 'none' }).warnings).toHaveLength(1);
  });

  test('logs are pretty on a terminal, unless tests read them', () => {
    expect(loadConfig({}, { isTerminal: true }).log.format).toBe('pretty');
    expect(loadConfig({ TIERCEL_PROFILE: 'test' }, { isTerminal: true }).log.format).toBe('json');
  });

  test.each([['redis://localhost'], ['redis://user:p%23ss@10.0.0.1:6379/15'], ['rediss://[::1]:6380']])(
    '%s is a Redis',
    (url) => {
      expect(load({ REDIS_URL: url }).redis?.url).toBe(url);
    },
  );

  test.each([
    ['localhost:6379'],
    ['http://localhost'],
    ['redis://'],
    ['redis://host:0'],
    ['redis://host:65536'],
    ['redis://host/name'],
    ['redis://u:p ss@host'],
    ['redis://u:100%@host'],
    ['redis://a:1,b:2'],
    ['redis://u:%ff@host'],
    ['redis://host?password=hunter2'],
    ['redis://host/0?password=hunter2'],
    ['__proto__://host'],
  ])('%s is none', (url) => {
    expect(problemsOf({ REDIS_URL: url })).toEqual([expect.stringContaining('REDIS_URL (not shown) must be redis://')]);
  });

  test('Postgres may be a list of hosts', () => {
    const url = 'postgresql://u:p@a:5432,b:5433/catalog?target_session_attrs=read-write';
    expect(load({ DATABASE_URL: url }).database.url).toBe(url);
    expect(problemsOf({ DATABASE_URL: 'mysql://u:p@a/catalog' })).toHaveLength(1);
  });
});

describe('problems', () => {
  const BAD = {
    HOST: 'not a host',
    PORT: '65536',
    ALLOWED_HOSTS: 'http://x',
    MAX_REQUESTS: '0',
    DATABASE_WAIT_MS: '-1',
    DATABASE_URL: 'postgres://user:hunter2@',
    REDIS_URL: 'redis://:hunter2@',
    REDIS_TIMEOUT_MS: '0',
    REDIS_CONNECT_TIMEOUT_MS: '1e3',
    REDIS_CONNECTIONS: '-1',
    REDIS_PROBE_MS: '30s',
    CACHE_NAMESPACE: '{a}',
    CACHE_INTEGRITY_KEYS: 'k1:aHVudGVyMg==',
    CACHE_L1_MAX_BYTES: '64MB',
    CACHE_L1_MAX_ENTRIES: '1.5',
    CACHE_L1_TTL_MS: '0x10',
    CACHE_MAX_LAG_MS: '149',
    CACHE_DISABLED: 'yes',
    CACHE_WARM_ON_START: '1',
    CACHE_NEW_KEYS_PER_MINUTE: '0',
    DATABASE_POOL: '0',
    DATABASE_MAX_LOADS: '99999999999999999999',
    AUTH: 'session',
    ADMIN_TOKEN: 'hunter2',
    VIEWER_TOKEN: 'hunter2 '.repeat(8),
    TOKEN_GRACE_MS: '15m',
    ALERT_WEBHOOK_URL: 'ftp://hunter2',
    MIGRATE: 'never',
    TIERCEL_PROFILE: 'prod',
    LOG_LEVEL: 'loud',
  };

  test('are listed for every variable at once, by name, with what was given', () => {
    expect(Object.keys(BAD).sort()).toEqual(Object.keys(VARIABLES).sort());
    const problems = problemsOf(BAD);
    for (const [name, text] of Object.entries(BAD)) {
      const mine = problems.filter((problem) => problem.startsWith(`${name}=`) || problem.startsWith(`${name} `));
      expect(mine).toHaveLength(1);
      expect(mine[0]).toContain('must be ');
      if (!('secret' in VARIABLES[name as keyof typeof BAD])) expect(mine[0]).toContain(JSON.stringify(text));
    }
    expect(problems).toHaveLength(Object.keys(BAD).length);
    expect(problems.join('\n')).not.toContain('hunter2');
  });

  test('are all part of the message', () => {
    expect(() => load({ PORT: 'x', MIGRATE: 'y' })).toThrow(
      'The configuration has 2 problems:\n  PORT="x" must be a whole number from 0 to 65535\n  MIGRATE="y" must be one of auto, off',
    );
  });

  test('name TTLs of unknown groups and TTLs that are no duration', () => {
    expect(problemsOf({ CACHE_TTL_PRODCUT: '1m', CACHE_TTL_BOM: '-1s', CACHE_TTL_LP: '9'.repeat(400) })).toEqual([
      `CACHE_TTL_PRODCUT is the TTL of no group; known are ${GROUPS.map(ttlVariable).join(', ')}`,
      'CACHE_TTL_BOM="-1s" must be milliseconds, or a duration like 250ms, 30s, 5m, 1h or 1d',
      expect.stringContaining('CACHE_TTL_LP='),
    ]);
    expect(problemsOf({ CACHE_TTL_BOM: '365251d' })).toEqual([
      'CACHE_TTL_BOM="365251d" must be a duration of at most 1,000 years',
    ]);
  });

  test('are seen in what does not go together', () => {
    expect(problemsOf({ TIERCEL_PROFILE: 'production' })).toEqual([expect.stringContaining('needs DATABASE_URL')]);
    expect(problemsOf({ ADMIN_TOKEN: TOKEN, VIEWER_TOKEN: TOKEN })).toEqual([expect.stringContaining('must differ')]);
    expect(problemsOf({ TIERCEL_PROFILE: 'production', DATABASE_URL: 'wrong' })).toHaveLength(1);
  });
});

describe('secrets', () => {
  test('can come from files, the end of the line not included', () => {
    const config = load(
      { DATABASE_URL_FILE: '/run/db', REDIS_URL_FILE: '/run/redis', ADMIN_TOKEN_FILE: '/run/admin' },
      { '/run/db': `${DATABASE_URL}\n`, '/run/redis': 'redis://cache\r\n', '/run/admin': TOKEN },
    );
    expect(config.database.url).toBe(DATABASE_URL);
    expect(config.redis?.url).toBe('redis://cache');
    expect(config.auth.admin).toEqual({ kind: 'given', value: TOKEN });
    expect(config.profile).toBe('production');
  });

  test('given twice, from no file or from an empty one are problems', () => {
    const problems = problemsOf(
      { DATABASE_URL, DATABASE_URL_FILE: '/run/db', REDIS_URL_FILE: '/nowhere', VIEWER_TOKEN_FILE: '/run/empty' },
      { '/run/db': DATABASE_URL, '/run/empty': '\n' },
    );
    expect(problems).toEqual([
      'DATABASE_URL and DATABASE_URL_FILE are both given; only one of them can count',
      'REDIS_URL_FILE="/nowhere" cannot be read (ENOENT)',
      'VIEWER_TOKEN_FILE="/run/empty" names an empty file',
    ]);
    expect(problemsOf({ TIERCEL_PROFILE: 'production', DATABASE_URL_FILE: '/nowhere' })).toHaveLength(1);
  });

  test('have no place in the description', () => {
    const description = JSON.stringify(
      describeConfig(
        load({
          DATABASE_URL: `${DATABASE_URL}?password=hunter2`,
          REDIS_URL: 'rediss://user:hunter2@a:1/2',
          CACHE_INTEGRITY_KEYS: INTEGRITY_KEYS,
          ADMIN_TOKEN: 'hunter2-admin-token-of-the-tests-0123456789',
          ALERT_WEBHOOK_URL: 'https://u:hunter2@hooks.example/hunter2?key=hunter2',
        }),
      ),
    );
    expect(description).not.toContain('hunter2');
    expect(description).not.toContain(INTEGRITY_KEYS.slice(3, 20));
    for (const shown of [
      '"integrityKeys":"set"',
      'postgres://db.internal:5432/catalog',
      'rediss://a:1/2',
      'https://hooks.example',
    ]) {
      expect(description).toContain(shown);
    }
  });
});

test('the scripts need a database and look at nothing else', () => {
  expect(loadDatabaseUrl({ DATABASE_URL, PORT: 'nonsense' })).toBe(DATABASE_URL);
  expect(() => loadDatabaseUrl({})).toThrow('DATABASE_URL is not set');
  expect(() => loadDatabaseUrl({ DATABASE_URL: 'mysql://x:hunter2@y' })).toThrow(
    'DATABASE_URL (not shown) must be postgres://',
  );
});

test('--help names every variable with its default, and every group', () => {
  const lines = helpText(GROUPS).split('\n');
  for (const [name, variable] of Object.entries({ ...VARIABLES, ...FAMILIES })) {
    const line = lines.find((text) => text.startsWith(`  ${name} `));
    expect(line).toContain('default' in variable ? variable.default : variable.unset.split(' ')[0]);
  }
  for (const group of GROUPS) expect(helpText(GROUPS)).toContain(ttlVariable(group));
  expect(Math.max(...lines.slice(0, -3).map((line) => line.length))).toBeLessThanOrEqual(120);
  expect(lines[2]).toBe('Usage: bun start [--help]');
});
