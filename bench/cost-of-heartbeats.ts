/**
 * Measures the cost of an idle instance that is in use: the server's own account of its scripts, and this process's CPU
 * time. The bound D is a tenth of the default, so that ten seconds hold enough heartbeats. The cost of one does not
 * depend on D. `bun bench/cost-of-heartbeats.ts`
 */
import { Redis } from 'ioredis';
import { lru } from '../src/adapters/lru/index.ts';
import { redis } from '../src/adapters/redis/index.ts';
import { createCache, DEFAULTS } from '../src/index.ts';
import { startRedis } from '../tests/support/redis-server.ts';

const SECONDS = 10;
const MAX_LAG_MS = 150;
/** Heartbeats a second at the default bound of 1.5 s. */
const DEFAULT_RATE = 2;

await using server = await startRedis();
const cache = createCache({ l1: lru(), ...redis(server.url), maxLag: MAX_LAG_MS });
await cache.ready();
const admin = new Redis(server.url);
await admin.config('RESETSTAT');
const before = process.cpuUsage();
for (let tick = 0; tick < SECONDS * 4; tick += 1) {
  await Bun.sleep(250);
  // An unused cache would rest its heartbeats.
  await cache.getOrSet('k', () => 1, { l1Ttl: DEFAULTS.ttl });
}
const { user, system } = process.cpuUsage(before);
const stats = await admin.info('commandstats');
const [, calls = '0', usec = '0'] = /cmdstat_evalsha:calls=(\d+),usec=(\d+)/.exec(stats) ?? [];
const perBeat = Number(usec) / Number(calls);
const clientPerBeat = (user + system) / Number(calls);
console.log(`heartbeats: ${calls} in ${SECONDS} s`);
console.log(
  `Redis: ${perBeat.toFixed(0)} µs each, at the default D ${((perBeat * DEFAULT_RATE) / 1e4).toFixed(3)} % of one core`,
);
console.log(`this process: at most ${clientPerBeat.toFixed(0)} µs each (everything it did, divided)`);
admin.disconnect();
await cache.close();
