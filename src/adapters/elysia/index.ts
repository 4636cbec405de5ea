/**
 * `tiercel/elysia` answers HTTP requests from a cache and tells in standard headers where each answer came from. Only
 * the plugin needs Elysia. The other functions use web-standard `Request` and `Response` and work in every server that
 * does.
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
