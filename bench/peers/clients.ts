import KeyvRedis from '@keyv/redis';
import { Redis, type RedisOptions } from 'ioredis';
import { Keyv } from 'keyv';

/** Makes ioredis fast for many reads at once. No peer documents it; peers that take a client can get one with it. */
export const PIPELINED: RedisOptions = { enableAutoPipelining: true };

/**
 * Makes a client for peers that take one, with ioredis's own defaults, as their documentation shows, and the given
 * options.
 */
export function redisClient(url: string, options: RedisOptions = {}): Redis {
  const client = new Redis(url, options);
  // Without a listener a lost connection would end the process.
  client.on('error', () => {});
  return client;
}

/**
 * Opens Redis for peers that are built on Keyv, by the adapter that they document. It uses node-redis, which writes the
 * commands of one tick together by itself.
 */
export function keyvRedis(url: string, namespace: string): Keyv {
  const keyv = new Keyv({ store: new KeyvRedis(url), namespace, useKeyPrefix: false });
  keyv.on('error', () => {});
  return keyv;
}
