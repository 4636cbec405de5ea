/**
 * `tiercel/elysia`: answers from a cache over HTTP, with their provenance in standard headers. All but the plugin
 * itself uses web-standard `Request` and `Response` alone and works in any server that does.
 */
export { cacheHeaders } from './cache-headers.ts';
export { cacheStatus } from './cache-status.ts';
export { strongEtag } from './etag.ts';
export { ifNoneMatch } from './if-none-match.ts';
export type { LookupCache, TiercelPluginOptions } from './plugin.ts';
export { tiercel } from './plugin.ts';
export type { ValueHeaders } from './representation.ts';
export type { RespondOptions } from './respond.ts';
export { respond } from './respond.ts';
export { serverTiming } from './server-timing.ts';
