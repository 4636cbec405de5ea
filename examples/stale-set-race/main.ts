/**
 * Runs the race that makes caches serve old data until the TTL ends, on naive cache-aside and on Tiercel.
 *
 *     bun examples/stale-set-race/main.ts
 */
import { randomBytes } from 'node:crypto';
import { Redis } from 'ioredis';
import { type Contestant, naiveCacheAside, tiercel } from './contestants.ts';
import { Database } from './database.ts';
import { isStale, type Outcome, race } from './race.ts';
import { NoRedisError, obtainRedis } from './redis-server.ts';

const RACES = 100;
const prefix = `stale-set-race-${randomBytes(6).toString('hex')}`;

async function main(): Promise<void> {
  await using redis = await obtainRedis(process.env.REDIS_URL);
  const database = new Database();
  try {
    const naive = await runRaces(naiveCacheAside(redis.url, database, `${prefix}-naive`), database);
    const ours = await runRaces(await tiercel(redis.url, database, prefix), database);
    console.log(screen(naive, ours));
  } finally {
    await forget(redis.url);
  }
}

interface Score {
  readonly name: string;
  readonly example: Outcome;
  readonly lost: number;
}

async function runRaces(contestant: Contestant, database: Database): Promise<Score> {
  await using _ = contestant;
  const example = await race(contestant, database, 1);
  let lost = isStale(example) ? 1 : 0;
  for (let id = 2; id <= RACES; id++) if (isStale(await race(contestant, database, id))) lost += 1;
  return { name: contestant.name, example, lost };
}

function screen(naive: Score, ours: Score): string {
  const row = (step: string, left: string | number | null, right: string | number | null) =>
    `  ${step.padEnd(40)}${String(left ?? 'nothing').padEnd(22)}${right ?? 'nothing'}`;
  const both = (who: 'a' | 'b' | 'c' | 'database' | 'queries') => [naive.example[who], ours.example[who]] as const;
  return [
    'The stale-set race: A loads a price; before its answer arrives, B changes the price and invalidates.',
    '',
    row('', naive.name, ours.name),
    row('1. A misses and loads; 10 is on its way', 'GET, SELECT', 'take a lease, SELECT'),
    row('2. B sets the price to 20, invalidates', 'UPDATE, DEL', 'UPDATE, void the lease'),
    row('3. The 10 arrives at A', 'SET 10 for an hour', 'nothing to fill: not stored'),
    '',
    row('Now A answers', ...both('a')),
    row('    B answers', ...both('b')),
    row('    C, which has only Redis, answers', ...both('c')),
    row('    and the database says', ...both('database')),
    row('Queries that all this took', ...both('queries')),
    '',
    row(`Races that left an old price, of ${RACES}`, naive.lost, ours.lost),
  ].join('\n');
}

/** Removes the keys of this example from a Redis that may serve other programs. */
async function forget(url: string): Promise<void> {
  const client = new Redis(url);
  for await (const keys of client.scanStream({ match: `*${prefix}*`, count: 1_000 })) {
    if (keys.length > 0) await client.unlink(keys);
  }
  await client.quit();
}

try {
  await main();
} catch (error) {
  if (!(error instanceof NoRedisError)) throw error;
  console.error(error.message);
  process.exitCode = 1;
}
