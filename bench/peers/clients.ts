import KeyvRedis from '@keyv/redis';
import { Redis, type RedisOptions } from 'ioredis';
import { Keyv } from 'keyv';

/**
 * A client for peers that take one. Auto-pipelining is not their default; it is what makes ioredis fast when many ask at
 * once, so they get it. Everything else is ioredis's own default, as their documentation shows it.
 */
export function redisClient(url: string, options: RedisOptions = {}): Redis {
  const client = new Redis(url, { enableAutoPipelining: true, ...options });
  // Without a listener a lost connection would end the process.
  client.on('error', () => {});
  return client;
}

/**
 * Redis for those that are built on Keyv, by the adapter that they document. It uses node-redis, which writes the commands of
 * one tick together by itself.
 */
export function keyvRedis(url: string, namespace: string): Keyv {
  const keyv = new Keyv({ store: new KeyvRedis(url), namespace, useKeyPrefix: false });
  keyv.on('error', () => {});
  return keyv;
}
