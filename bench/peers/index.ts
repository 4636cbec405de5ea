import type { Contender } from '../support/peer.ts';
import { asyncCacheDedupes } from './async-cache-dedupe.ts';
import { bentocaches, tunedBentocache } from './bentocache.ts';
import { cacheManagers } from './cache-manager.ts';
import { cacheables } from './cacheable.ts';
import { cachifieds } from './cachified.ts';

/** Every peer in every configuration. */
export const contenders: readonly Contender[] = [
  ...asyncCacheDedupes,
  ...cachifieds,
  ...bentocaches,
  ...cacheables,
  ...cacheManagers,
];

/** Peers with settings that only an outage shows. */
export const tuned: readonly Contender[] = [tunedBentocache];
