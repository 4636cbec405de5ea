export { type LruOptions, lru } from './lru.ts';
