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

/** A schema of the cached values: raised when a resource's answer changes its shape, so that no old bytes are read. */
const VALUES_VERSION = 2;

/** Every query of a resource takes some milliseconds; one that takes so long is a database in trouble. */
const SLOW_QUERY_MS = 1_000;

/** The parts of the catalog's cache that the configuration does not give. */
export interface CatalogCacheParts {
  readonly resources: readonly Resource[];
  readonly groupOf: GroupOf;
  readonly outbox: Outbox | undefined;
  readonly log: Logger;
}

/** The cache of all resources, with the tiers that the configuration names. It closes the outbox that it is given. */
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
    // Nobody here changes a value: it is written out once, as JSON, which takes ten times as long of frozen arrays.
    freeze: false,
    maxLag: maxLagMs,
    maxLoads: config.database.maxLoads,
    source: { isFailure: isUnavailable, slowAfter: SLOW_QUERY_MS },
    breaker: breakerFor(config.redis?.probeMs),
    defaults: { l1Ttl: l1.ttlMs, ...(config.redis && { l2Timeout: config.redis.timeoutMs }) },
    groupOf,
    // A writer to Redis could otherwise make an answer that no client expects.
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

/** What an answer keeps beside the value for the next hit: its bytes, which take about as much again, and its headers. */
const HEADERS_BYTES = 1_000;

function answeredSize(entry: Entry): number {
  return 2 * bytesOf(entry) + HEADERS_BYTES;
}

/** By itself the breaker tries a Redis that is away at least every 750 ms, from 250 ms on: a probe time can only shorten that. */
function breakerFor(probeMs = Infinity): BreakerOptions {
  return probeMs < 750 ? { openMs: Math.min(250, probeMs), maxOpenMs: probeMs } : {};
}
