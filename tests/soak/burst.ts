import { parseArgs } from 'node:util';
import { createCache } from 'tiercel';
import { lru } from 'tiercel/lru';
import { redis } from 'tiercel/redis';
import { until } from '../../src/testing/until.ts';
import { startRedis } from '../support/redis-server.ts';
import { isInUse } from './library-pair.ts';

const USAGE = `Usage: bun tests/soak/burst.ts [--help]

Starts a Redis of its own, writes 5,000 values of 4 kB, and has a process that has just started ask for all of them in one
turn. Prints how long that took, how many of them the source had to load, and the state of the breaker.`;

const KEYS = Array.from({ length: 5_000 }, (_, index) => `k:${index}`);

/** A process that has just started asks for 5,000 values of 4 kB in one turn: how many the source has to load. */
async function burst(): Promise<void> {
  await using owned = new AsyncDisposableStack();
  const server = owned.use(await startRedis());
  const start = async (l2Timeout: number) => {
    const tiers = { l1: lru(), ...redis(server.url, { namespace: 'burst', onWarning: () => {} }) };
    const cache = owned.use(createCache({ ...tiers, defaults: { l2Timeout } }));
    await until(() => isInUse(cache), { what: 'the first proof' });
    return cache;
  };
  const writer = await start(10_000);
  for (let at = 0; at < KEYS.length; at += 100)
    await writer.setMany(KEYS.slice(at, at + 100).map((key) => [key, 'x'.repeat(4_000)] as const));
  const reader = await start(50);
  let loads = 0;
  const began = performance.now();
  await Promise.all(
    KEYS.map((key) =>
      reader.getOrSet(key, () => {
        loads += 1;
        return 'loaded';
      }),
    ),
  );
  const ms = Math.round(performance.now() - began);
  console.log(JSON.stringify({ ms, loads, breaker: reader.health().l2?.breaker }));
}

const { values } = parseArgs({ options: { help: { type: 'boolean' } } });
if (values.help) console.log(USAGE);
else await burst();
