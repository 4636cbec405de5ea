import { createCache } from 'tiercel';
import { lru } from 'tiercel/lru';
import { redis } from 'tiercel/redis';
import { ask } from '../../tests/acceptance/asking.ts';
import { platePath } from '../../tests/integration/support/catalog-requests.ts';
import { uniqueNamespace } from '../../tests/support/redis-server.ts';
import type { Pair } from './fleet.ts';

/** What single operations of the cache take while the crowd is at work, in milliseconds. */
export interface Probes {
  /** As the services say themselves. */
  readonly l1Reads: readonly number[];
  readonly l2Reads: readonly number[];
  /** From the call to the acknowledgement of both tiers. */
  readonly writes: readonly number[];
}

/** Asked for from the least popular on, which are in no tier. */
const PLATES = 2_000;
const EVERY_MS = 25;

/** Measures for so long. */
export async function probe([one, other]: Pair, redisUrl: string, ms: number): Promise<Probes> {
  await using cache = createCache({ l1: lru(), ...redis(redisUrl, { namespace: uniqueNamespace('probe') }) });
  await cache.ready();
  const l2Reads: number[] = [];
  const writes: number[] = [];
  const until = performance.now() + ms;
  for (let id = PLATES; id > 0 && performance.now() < until; id -= 1) {
    // What one instance has loaded is an L2 hit of the other.
    await ask(other, platePath(id));
    const { provenance, tierMs } = await ask(one, platePath(id));
    if (provenance.tier === 'l2') l2Reads.push(tierMs.l2 ?? Number.NaN);
    const began = performance.now();
    await cache.set(`probe:${id}`, { id, name: 'What is written' }, { tags: ['probes'] });
    writes.push(performance.now() - began);
    await Bun.sleep(EVERY_MS);
  }
  return { l1Reads: await Promise.all([one, other].map(l1ReadMs)), l2Reads, writes };
}

async function l1ReadMs(service: Pair[number]): Promise<number> {
  const { targets } = (await ask(service, '/api/v1/cache')).json<{ targets: { l1ReadMs: { actual: number } } }>();
  return targets.l1ReadMs.actual;
}
