/**
 * Answers a product out of a cache as JSON and nothing more: no entity tag, no provenance, no authorization. `bun
 * cached.ts <kind> <redis> <product as JSON>`
 */
import { Redis } from 'ioredis';
import { LRUCache } from 'lru-cache';
import { MOST_ENTRIES, TTL_MS } from '../../support/peer.ts';
import { peers } from '../../support/peers.ts';
import { serve } from './serve.ts';

const [kind = '', url = '', product = ''] = process.argv.slice(2);

const read = await open();
serve(async ({ params: { id } }) => Response.json(await read(`product:${id}`)));

async function open(): Promise<(key: string) => unknown> {
  switch (kind) {
    case 'lru-cache': {
      const cache = new LRUCache<string, object>({ max: MOST_ENTRIES, ttl: TTL_MS });
      cache.set('product:1', JSON.parse(product));
      return (key) => cache.get(key);
    }
    case 'ioredis GET':
    case 'ioredis GET, pipelined': {
      const client = new Redis(url, { enableAutoPipelining: kind !== 'ioredis GET' });
      // All keys hold the same value, whose content costs no subject anything.
      for (let id = 1; id <= 1_000; id += 1) void client.set(`product:${id}`, product);
      await client.ping();
      return async (key) => JSON.parse((await client.get(key)) ?? 'null');
    }
    default: {
      const contender = (await peers()).find(({ name }) => name === kind);
      if (contender === undefined) throw new Error(`${kind} is no subject`);
      const load = async () => JSON.parse(product);
      const { read: get } = await contender.open({ tiers: 'l1', url, namespace: 'bench', load });
      return get;
    }
  }
}
