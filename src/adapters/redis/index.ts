export type { CompressionOptions, RedisOptions } from './options.ts';
export { type RedisTiers, redis } from './redis.ts';
