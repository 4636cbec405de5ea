import KeyvRedis from '@keyv/redis';
import { Redis, type RedisOptions } from 'ioredis';
import { Keyv } from 'keyv';

/** What makes ioredis fast when many ask at once. No peer documents it; those that take a client can be given one with it. */
export const PIPELINED: RedisOptions = { enableAutoPipelining: true };

/** A client for peers that take one: with ioredis's own defaults, as their documentation shows it, but for the options given. */
export function redisClient(url: string, options: RedisOptions = {}): Redis {
  const client = new Redis(url, options);
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
