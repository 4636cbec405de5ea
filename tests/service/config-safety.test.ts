import { describe, expect, test } from 'bun:test';
import { redis } from '../../src/adapters/redis/index.ts';
import { createCatalogCache } from '../../src/service/catalog-cache.ts';
import { ConfigError, type Environment, loadConfig } from '../../src/service/config/load-config.ts';
import { withoutSecrets } from '../../src/service/config/secrets.ts';
import { createLogger } from '../../src/service/logging/logger.ts';

const GROUPS = ['product', 'bom'];
const DATABASE_URL = 'postgres://user:hunter2@db.internal:5432/catalog';
const INTEGRITY_KEYS = 'k2:MDEyMzQ1Njc4OWFiY2RlZg==,k1:ZmVkY2JhOTg3NjU0MzIxMA==';
const TOKEN = 'admin-token-of-the-tests-0123456789';

/** The least and the greatest number that each variable takes for a part of the cache. */
const BOUNDS = {
  REDIS_TIMEOUT_MS: [1, 2_000],
  REDIS_CONNECT_TIMEOUT_MS: [1, 60_000],
  REDIS_CONNECTIONS: [1, 16],
  REDIS_PROBE_MS: [100, 86_400_000],
  CACHE_L1_MAX_BYTES: [1, Number.MAX_SAFE_INTEGER],
  CACHE_L1_MAX_ENTRIES: [1, 2 ** 24],
  CACHE_L1_TTL_MS: [0, 86_400_000],
  CACHE_MAX_LAG_MS: [150, 60_000],
  DATABASE_MAX_LOADS: [1, 100_000],
} as const;

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

const problemsOf = (env: Environment): readonly string[] => {
  try {
    load(env);
  } catch (error) {
    if (error instanceof ConfigError) return error.problems;
    throw error;
  }
  return [];
};

describe('values', () => {
  test.each([
    ['redis+sentinel://a:26379,b:26379/mymaster'],
    ['redis+sentinel://:hunter2@a,b,c/my-master'],
    ['redis+cluster://a:7000,b:7001,c:7002'],
    ['rediss+cluster://a:7000'],
    ['redis+cluster://hunter2'],
  ])('%s is one sentence: this version cannot use it', (url) => {
    expect(problemsOf({ REDIS_URL: url })).toEqual([
      'REDIS_URL (not shown) must be the URL of one server, redis:// or rediss://: Sentinel and Cluster are not supported yet',
    ]);
  });

  test.each([
    ['postgres://user:hunter2@[::1/catalog'],
    ['postgres://user:hunter2%ff@db/catalog'],
    ['postgres://user:hunter2@db:5432:5433/catalog'],
    ['postgres://user:hunter2@db%zz/catalog'],
    ['postgres://user:hunter2@db/cata%ffl'],
    ['postgres://user:hunt#er2@db/catalog'],
  ])('%s is no Postgres: the client would fail with the password in its words', (url) => {
    expect(problemsOf({ DATABASE_URL: url })).toEqual([
      expect.stringContaining('DATABASE_URL (not shown) must be postgres://'),
    ]);
  });

  test('that are accepted are accepted by the parts that they are for, at both bounds', async () => {
    const log = await createLogger({ level: 'silent', format: 'json' });
    const bounds = Object.entries(BOUNDS).map(([name, [least, most]]) => [
      { [name]: String(least) },
      { [name]: String(most) },
    ]);
    for (const bound of bounds.flat()) {
      const config = load({ REDIS_URL: 'redis://127.0.0.1:1', ...bound });
      const cache = createCatalogCache(config, { resources: [], groupOf: () => 'other', outbox: undefined, log });
      await cache.close();
    }
    for (const [name, [least, most]] of Object.entries(BOUNDS)) {
      for (const beyond of [least - 1, most + 1]) {
        if (beyond >= 0) expect(problemsOf({ [name]: String(beyond) })).toHaveLength(1);
      }
    }
  });

  test('of a Redis are refused where redis() would refuse them', () => {
    const urls = [
      'redis://host',
      'rediss://u:p%40ss@host:6380/2',
      'redis://[::1]:6379',
      'redis://a:1,b:2',
      'redis://host?password=x',
      'redis://host/0?db=1',
      'redis://u:%ff@host',
      'redis://host/name',
      'redis+cluster://a:1',
      'redis://',
    ];
    for (const url of urls) {
      const isTaken = problemsOf({ REDIS_URL: url }).length === 0;
      if (isTaken) redis(url);
      else expect([url, tryRedis(url)]).toEqual([url, 'refused']);
    }
  });
});

function tryRedis(url: string): 'taken' | 'refused' {
  try {
    redis(url);
    return 'taken';
  } catch (error) {
    expect(String(error)).not.toContain('password=');
    return 'refused';
  }
}

describe('the address', () => {
  const AWAY = ['0.0.0.0', '192.168.0.7', 'tiercel', '::'];

  test.each(AWAY)('%s may not serve everybody, but in the dev profile', (HOST) => {
    for (const env of [{ DATABASE_URL }, { TIERCEL_PROFILE: 'test' }]) {
      expect(problemsOf({ ...env, HOST, AUTH: 'none' })).toEqual([expect.stringContaining('AUTH=none with HOST=')]);
    }
    expect(problemsOf({ TIERCEL_PROFILE: 'test', HOST })).toHaveLength(1);
    expect(load({ HOST }).http.allowedHosts).toBe('any');
    expect(load({ DATABASE_URL, HOST }).http.allowedHosts).toBe('any');
  });

  test.each(['localhost', '127.0.0.1', '127.8.9.10', '::1'])('%s is answered under its own names alone', (HOST) => {
    expect(load({ HOST }).http.allowedHosts).toBe('loopback');
    expect(load({ DATABASE_URL, HOST, AUTH: 'none' }).http.allowedHosts).toBe('loopback');
    expect(load({ DATABASE_URL, HOST }).http.allowedHosts).toBe('any');
  });

  test.each(['shop.example:80', 'http://shop.example', 'a b', '*.', '**', 'a,,b', 'shop.*'])(
    'ALLOWED_HOSTS=%s is refused',
    (text) => {
      expect(problemsOf({ ALLOWED_HOSTS: text })).toEqual([expect.stringContaining('ALLOWED_HOSTS=')]);
    },
  );
});

describe('a token of the configuration', () => {
  test.each([
    [`${TOKEN}:`],
    [`${TOKEN}!`],
    [`${TOKEN}#@$`],
    [`${TOKEN}=x`],
    [`=${TOKEN}`],
    ['a'.repeat(32)],
    ['ab'.repeat(16)],
    ['abcdefgh'.repeat(4)],
    ['00000000000000000000000000000001'],
    ['short-token-of-31-characters-01'],
  ])('%s is refused: it could never work, or is easily guessed', (token) => {
    expect(problemsOf({ ADMIN_TOKEN: token })).toEqual([expect.stringContaining('ADMIN_TOKEN (not shown) must be 32')]);
    expect(problemsOf({ VIEWER_TOKEN: token })).toHaveLength(1);
  });

  test.each([
    ['0123456789abcdef0123456789abcdef'],
    ['5f3a9c0e7b1d4826aa90cc17e3f4b258'],
    ['dGhpcyBpcyBhIHJhbmRvbSB0b2tlbiE+Pw=='],
    [TOKEN],
  ])('%s is good', (token) => {
    expect(load({ ADMIN_TOKEN: token }).auth.admin).toEqual({ kind: 'given', value: token });
  });
});

describe('a variable with a wrong name', () => {
  test.each([
    ['CACHE_MAXLAG_MS', 'CACHE_MAX_LAG_MS'],
    ['CACHE_L1_MAXBYTES', 'CACHE_L1_MAX_BYTES'],
    ['TIERCEL_PROFIL', 'TIERCEL_PROFILE'],
    ['REDIS_TIMEOUT', 'REDIS_TIMEOUT_MS'],
    ['REDIS_URI', 'REDIS_URL'],
    ['REDIS_URL_FILES', 'REDIS_URL_FILE'],
    ['CACHE_NAMESPACE_FILE', 'CACHE_NAMESPACE'],
    ['CACHE_MAX_LAG', 'CACHE_MAX_LAG_MS'],
    ['CACHE_WARM', 'CACHE_WARM_ON_START'],
    ['CACHE_TLL_PRODUCT', 'CACHE_TTL_PRODUCT'],
  ])('%s is warned about with %s', (name, nearest) => {
    expect(load({ [name]: '1' }).warnings).toEqual([
      `${name} is no variable of this service and is ignored; the nearest is ${nearest}`,
    ]);
  });

  test.each(['CACHE_FOO', 'REDIS_FOO', 'REDIS_DB', 'REDIS_PASSWORD', 'TIERCEL_SECRET_SAUCE', 'CACHE_EVICTION_POLICY'])(
    '%s is warned about without a name, for none is near',
    (name) => {
      expect(load({ [name]: '1' }).warnings).toEqual([
        `${name} is no variable of this service and is ignored; \`bun start --help\` names them all`,
      ]);
    },
  );

  test('is none where Kubernetes has set it, or it is empty, or right', () => {
    const env = {
      REDIS_PORT: 'tcp://10.0.0.1:6379',
      REDIS_PORT_6379_TCP_ADDR: '10.0.0.1',
      REDIS_SERVICE_HOST: '10.0.0.1',
      REDIS_SERVICE_PORT_REDIS: '6379',
      TIERCEL_SERVICE_HOST: '10.0.0.2',
      TIERCEL_PORT_3000_TCP: 'tcp://10.0.0.2:3000',
      CACHE_NONSENSE: '',
      REDIS_URL_FILE: '/run/redis',
      CACHE_TTL_BOM: '1m',
      SOMETHING_ELSE: 'x',
    };
    expect(load(env, { '/run/redis': 'redis://cache' }).warnings).toEqual([]);
  });
});

describe('secrets', () => {
  test('that sign what goes to Redis are checked, and warned about where there is no Redis', () => {
    const [second = '', first = ''] = INTEGRITY_KEYS.split(',');
    for (const keys of [
      'k1',
      'k1:',
      'k1:c2hvcnQ=',
      `k1:${'A'.repeat(24)}`,
      `${first},${first}`,
      `${first};${second}`,
    ]) {
      const problems = problemsOf({ REDIS_URL: 'redis://cache', CACHE_INTEGRITY_KEYS: keys });
      expect(problems).toEqual([expect.stringContaining('CACHE_INTEGRITY_KEYS (not shown) must be <id>:<key>')]);
      expect(problems.join()).not.toContain(keys.slice(3, 20) || '(none)');
    }
    const config = load(
      { REDIS_URL: 'redis://cache', CACHE_INTEGRITY_KEYS_FILE: '/run/keys' },
      { '/run/keys': `${INTEGRITY_KEYS}\n` },
    );
    expect([config.redis?.integrityKeys, config.warnings]).toEqual([INTEGRITY_KEYS, []]);
    expect(load({ CACHE_INTEGRITY_KEYS: INTEGRITY_KEYS }).warnings).toEqual([
      'CACHE_INTEGRITY_KEYS signs nothing: REDIS_URL is not set',
    ]);
  });

  test('given as the name of a file, or as another variable, are not shown', () => {
    const problems = problemsOf({
      ADMIN_TOKEN_FILE: 'hunter2-the-token-itself',
      REDIS_URL_FILE: 'redis://:hunter2@cache',
      PORT: 'postgres://user:hunter2@db/catalog',
      LOG_LEVEL: 'redis://cache?password=hunter2',
      CACHE_TTL_BOM: 'postgres://user:hunter2@db',
    });
    expect(problems).toHaveLength(5);
    expect(problems.join('\n')).not.toContain('hunter2');
    expect(problems.join('\n')).toContain('PORT="postgres://…@db/catalog" must be');
  });

  test.each([
    ['"postgres://user:hunter2@db/x" cannot be parsed as a URL.', '"postgres://…@db/x" cannot be parsed as a URL.'],
    ['connect redis://:hunter2@a:1/2?password=hunter2', 'connect redis://…@a:1/2?…'],
    ['wrong password=hunter2 for you', 'wrong password=… for you'],
    ['postgres://u:hun@ter2@db, and rediss://x:hunter2@y', 'postgres://…@db, and rediss://…@y'],
    ['connect ECONNREFUSED 127.0.0.1:5432', 'connect ECONNREFUSED 127.0.0.1:5432'],
    ['see https://tiercel.example/docs#start', 'see https://tiercel.example/docs?…'],
  ])('are taken out of %s', (text, shown) => {
    expect(withoutSecrets(text)).toBe(shown);
  });
});
