export type { BreakerOptions, BreakerStateName } from './core/breaker.ts';
export type { Attachment, TieredCache } from './core/cache.ts';
export type { CacheOptions, SourceOptions } from './core/cache-options.ts';
export type { CacheView } from './core/cache-view.ts';
export { type Clock, type Random, systemClock, systemRandom } from './core/clock.ts';
export { createCache } from './core/create-cache.ts';
export type { Duration } from './core/duration.ts';
export type { Entry } from './core/entry.ts';
export {
  BreakerOpenError,
  CacheClosedError,
  CacheError,
  CodecError,
  InvalidationPendingError,
  InvalidKeyError,
  InvalidOptionError,
  InvalidValueError,
  isCacheError,
  LoadShedError,
  LoadTimeoutError,
  type PendingSummary,
  type TierFailure,
  type TierName,
} from './core/errors.ts';
export type { CacheEvent, Observer } from './core/events.ts';
export type { InspectedCopy, Inspection } from './core/inspect.ts';
export type { InvalidateOptions, InvalidateRequest, InvalidateResult } from './core/invalidate-request.ts';
export type { BusMessage, Invalidation, InvalidationMode, InvalidationOrder, Targets } from './core/invalidation.ts';
export { type EntryId, fromId, groupOf, MAX_KEY_BYTES } from './core/key.ts';
export type { BypassReason, Lookup, LookupSteps, TierStep } from './core/lookup.ts';
export type { ManyLoader, ManyLoaderContext } from './core/many-loader.ts';
export {
  DEFAULTS,
  type EntryOptions,
  type Loader,
  type LoaderContext,
  MAX_TAGS,
  type ReadOptions,
  type WriteOptions,
} from './core/options.ts';
export {
  type Bus,
  type BusListener,
  type FillRequest,
  type Heartbeat,
  type LocalTier,
  type Packing,
  RemoteError,
  type RemoteFailure,
  type RemoteListener,
  type RemoteTier,
  type RepairedGeneration,
  type Session,
  type SessionMismatch,
  type StoredRecord,
  type StoredValue,
  type WriteRequest,
} from './core/ports.ts';
export type { RecentInvalidation } from './core/recent.ts';
export type { RemoteInfo } from './core/remote-info.ts';
export type { CacheHealth, CacheStats, GroupStats } from './core/stats.ts';
export type { TagGeneration } from './core/tags.ts';
export type { Attributes, Span, SpanRef, Tracer } from './core/tracer.ts';
export type { WarmItem, WarmOptions, WarmProgress, WarmResult } from './core/warm-options.ts';
export { bytesOf } from './core/weight.ts';
