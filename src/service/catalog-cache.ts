import { lru } from '../adapters/lru/index.ts';
import { isUnavailable } from '../adapters/postgres/index.ts';
import { redis } from '../adapters/redis/index.ts';
import { createCache } from '../core/create-cache.ts';
import type { Entry } from '../core/model/entry.ts';
import { bytesOf } from '../core/model/entry-size.ts';
import type { Outbox } from '../core/ports/outbox.ts';
import type { BreakerOptions } from '../core/primitives/circuit-breaker.ts';
import type { TieredCache } from '../core/tiered-cache.ts';
import type { Resource } from '../resources/resource.ts';
import type { Config } from './config/load-config.ts';
import type { GroupOf } from './key-groups.ts';
import { eventsToLog } from './logging/events-to-log.ts';
import type { Logger } from './logging/logger.ts';
import { storedValueCheck } from './stored-values.ts';

/**
 * The version of the cached values' schema. A developer raises it when a resource's answer changes its shape, so that no old
 * bytes are read.
 */
const VALUES_VERSION = 2;

/** A query of a resource takes some milliseconds. A database that needs this long is in trouble. */
const SLOW_QUERY_MS = 1_000;

/** The parts of the catalog's cache that the configuration does not give. */
export interface CatalogCacheParts {
  readonly resources: readonly Resource[];
  readonly groupOf: GroupOf;
  readonly outbox: Outbox | undefined;
  readonly log: Logger;
}

/**
 * Creates the cache of all resources, with the tiers that the configuration names. The cache closes the outbox that it is
 * given.
 */
export function createCatalogCache(
  config: Config,
  { resources, groupOf, outbox, log }: CatalogCacheParts,
): TieredCache<'plain'> {
  const { l1, maxLagMs, namespace } = config.cache;
  if (config.redis === undefined) {
    const others = outbox === undefined ? '' : ', and learns of changes from the database';
    log.info({ event: 'no_redis' }, `REDIS_URL is not set: this instance caches in its own memory (L1) alone${others}`);
  }
  return createCache({
    name: 'catalog',
    version: VALUES_VERSION,
    l1: lru({ maxBytes: l1.maxBytes, maxEntries: l1.maxEntries, sizeOf: answeredSize }),
    outbox,
    // The service changes no value. It writes each one out once, as JSON, which takes ten times as long for frozen arrays.
    freeze: false,
    maxLag: maxLagMs,
    maxLoads: config.database.maxLoads,
    source: { isFailure: isUnavailable, slowAfter: SLOW_QUERY_MS },
    breaker: breakerFor(config.redis?.probeMs),
    defaults: { l1Ttl: l1.ttlMs, ...(config.redis && { l2Timeout: config.redis.timeoutMs }) },
    groupOf,
    // Without this check, another writer to Redis could cause an answer that no client expects.
    validate: storedValueCheck(resources, groupOf),
    observers: [eventsToLog(log, groupOf)],
    ...(config.redis &&
      redis(config.redis.url, {
        namespace,
        connectTimeout: config.redis.connectTimeoutMs,
        connections: config.redis.connections,
        probeEvery: config.redis.probeMs,
        ...(config.redis.integrityKeys !== undefined && { integrityKey: config.redis.integrityKeys }),
      })),
  });
}

/**
 * The bytes of an answer's headers. Beside the value, the entry keeps the answer for the next hit: its bytes, about as many
 * as the value's, and its headers.
 */
const HEADERS_BYTES = 1_000;

function answeredSize(entry: Entry): number {
  return 2 * bytesOf(entry) + HEADERS_BYTES;
}

/**
 * Returns the breaker's options for a probe time. By default the breaker tries an absent Redis at least every 750 ms, from
 * 250 ms on. A probe time can only shorten that.
 */
function breakerFor(probeMs = Infinity): BreakerOptions {
  return probeMs < 750 ? { openMs: Math.min(250, probeMs), maxOpenMs: probeMs } : {};
}
