export type { CacheOptions, SourceOptions } from './core/cache-options.ts';
export type { CacheView } from './core/cache-view.ts';
export { createCache } from './core/create-cache.ts';
export type { Duration } from './core/model/duration.ts';
export type { Entry } from './core/model/entry.ts';
export { bytesOf } from './core/model/entry-size.ts';
export {
  BreakerOpenError,
  CacheClosedError,
  CacheError,
  CodecError,
  InvalidationLostError,
  InvalidationPendingError,
  InvalidKeyError,
  InvalidOptionError,
  InvalidValueError,
  isCacheError,
  LoadCycleError,
  LoadShedError,
  LoadTimeoutError,
  type LostInvalidations,
  type PendingSummary,
  type TierFailure,
  type TierName,
} from './core/model/errors.ts';
export type { CacheEvent, Observer } from './core/model/events.ts';
export type {
  BusMessage,
  Invalidation,
  InvalidationMode,
  InvalidationOrder,
  Targets,
} from './core/model/invalidation.ts';
export type { Cached, Form, Jsonify } from './core/model/json-types.ts';
export { type EntryId, fromId, groupOf, MAX_KEY_BYTES } from './core/model/key.ts';
export type { BypassReason, Lookup, LookupSteps, TierStep } from './core/model/lookup.ts';
export {
  DEFAULTS,
  type EntryOptions,
  type Loader,
  type LoaderContext,
  MAX_TAGS,
  type ReadOptions,
  type WriteOptions,
} from './core/model/options.ts';
export type { TagGeneration } from './core/model/tags.ts';
export type { Bus, BusListener } from './core/ports/bus.ts';
export type { Packing, ValueCodec } from './core/ports/codec.ts';
export type { LocalTier } from './core/ports/local-tier.ts';
export {
  type FillRequest,
  type Heartbeat,
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
} from './core/ports/remote-tier.ts';
export type { RemoteInfo } from './core/ports/server-info.ts';
export type { Attributes, Span, SpanRef, Tracer } from './core/ports/tracer.ts';
export type { BreakerOptions, BreakerStateName } from './core/primitives/circuit-breaker.ts';
export { type Clock, type Random, systemClock, systemRandom } from './core/primitives/clock.ts';
export type { InspectedCopy, Inspection } from './core/read/inspect.ts';
export type { WarmItem, WarmOptions, WarmProgress, WarmResult } from './core/read/warm-options.ts';
export type { RecentInvalidation } from './core/state/recent-invalidations.ts';
export type { CacheHealth, CacheStats, GroupStats } from './core/stats.ts';
export type { Attachment, TieredCache } from './core/tiered-cache.ts';
export type { ManyLoader, ManyLoaderContext } from './core/tiers/many-loader.ts';
export type { InvalidateOptions, InvalidateRequest, InvalidateResult } from './core/write/invalidate.ts';
