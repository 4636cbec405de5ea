import { withoutCredentials } from './server-url.ts';
import type { Config, RedisConfig, StaticToken } from './shape.ts';

/** Returns the configuration as logs may show it: a placeholder stands for every secret. */
export function describeConfig(config: Config): Record<string, unknown> {
  const { database, redis, auth, alerts } = config;
  return {
    ...config,
    database: { ...database, url: database.url === undefined ? 'embedded' : withoutCredentials(database.url) },
    redis: redis === undefined ? 'none' : describeRedis(redis),
    auth: { ...auth, admin: describeToken(auth.admin), viewer: describeToken(auth.viewer) },
    // The path of a webhook is often its password.
    alerts: { webhookUrl: alerts.webhookUrl === undefined ? 'none' : new URL(alerts.webhookUrl).origin },
  };
}

function describeRedis(redis: RedisConfig): Record<string, unknown> {
  const { url, integrityKeys, ...rest } = redis;
  return { ...rest, url: withoutCredentials(url), integrityKeys: integrityKeys === undefined ? 'none' : 'set' };
}

function describeToken(token: StaticToken): string {
  return { given: 'set', generate: 'random', off: 'none' }[token.kind];
}
