export type { RedisOptions } from './options.ts';
export { type RedisTiers, redis } from './redis.ts';
