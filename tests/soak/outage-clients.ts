import { parseArgs } from 'node:util';
import { percentile } from '../integration/support/measure.ts';
import { POSTGRES_OUTAGES, REDIS_OUTAGES, runCrowdOutage } from './crowd-outage.ts';

const USAGE = `Usage: bun tests/soak/outage-clients.ts [options]

Lets a crowd of clients, each with a connection of its own, ask two services for products (by Zipf), while Redis is
away, then PostgreSQL on top of that, and both come back. Prints what the clients were answered in each phase, and
how often PostgreSQL was asked for the same. Ends with 0 if there was no error, nothing too old, no answer without
Redis later than 500 ms, and no product asked for twice by one instance within D; else with 1.

The clients share the machine with the services, Redis and PostgreSQL: they wait between requests so that all
together ask --per-second times a second, and what they measure includes what they themselves take.

  --clients <number>           (1000)
  --per-second <number>        requests of all clients together (1500)
  --redis <what>               ${Object.keys(REDIS_OUTAGES).join(', ')} (both, one after the other)
  --redis-seconds <number>     how long Redis is away before PostgreSQL is (30)
  --postgres <what>            ${Object.keys(POSTGRES_OUTAGES).join(', ')} (stopped with the first, down with the second)
  --postgres-seconds <number>  (10)
  --well-seconds <number>      before and after (5)
  --seed <number>              (random; it is printed)
  --help                       this text`;

const WARM_UP_MS = 3_000;
const LONGEST_MS = 500;
const MAX_LAG_MS = 1_500;
/** The query of a load may have waited longer for its connection than that of the next one. */
const QUEUE_MS = 250;

async function main(args: string[]): Promise<number> {
  const text = { type: 'string' } as const;
  const options = {
    clients: text,
    'per-second': text,
    redis: text,
    'redis-seconds': text,
    postgres: text,
    'postgres-seconds': text,
    'well-seconds': text,
    seed: text,
    help: { type: 'boolean' },
  } as const;
  const { values } = parseArgs({ args, options, strict: true });
  if (values.help) return say(USAGE);
  const seed = Number(values.seed ?? Math.floor(Math.random() * 2 ** 32));
  const plan = {
    clients: Number(values.clients ?? 1_000),
    perSecond: Number(values['per-second'] ?? 1_500),
    warmUpMs: WARM_UP_MS,
    wellMs: Number(values['well-seconds'] ?? 5) * 1_000,
    redisMs: Number(values['redis-seconds'] ?? 30) * 1_000,
    postgresMs: Number(values['postgres-seconds'] ?? 10) * 1_000,
    seed,
  };
  say(`seed ${seed}: ${plan.clients} clients, ${plan.perSecond} requests a second`);
  const ways = values.redis === undefined ? keysOf(REDIS_OUTAGES) : [chosen(REDIS_OUTAGES, values.redis)];
  let failures = 0;
  for (const [index, redis] of ways.entries()) {
    const postgres = chosen(POSTGRES_OUTAGES, values.postgres ?? (index === 0 ? 'stopped' : 'down'));
    const report = await runCrowdOutage({ ...plan, redis, postgres });
    for (const line of report.lines) say(line);
    const { well, withoutRedis, withoutBoth, recovering, ages, pauses, loads, fallbacks, breakers, complaints } =
      report;
    const tooSoon = pauses.filter((ms) => ms < MAX_LAG_MS - QUEUE_MS).length;
    const shortest = pauses.length === 0 ? '–' : `${percentile(pauses, 0)} ms`;
    say(`without Redis: ${loads} loads, shortest pause between two of the same ${shortest}, ${tooSoon} too soon`);
    say(
      `${ages.readCount} reads judged, ${ages.changes} changes (${ages.untold} untold), ${ages.violationCount} too old`,
    );
    for (const changes of fallbacks)
      say(`fallback: ${changes.map(({ event, seconds }) => `${event} after ${seconds.toFixed(1)} s`).join(', ')}`);
    for (const transitions of breakers) say(`breaker before the source: ${transitions.join(', ') || 'closed'}`);
    const phases = [well, withoutRedis, withoutBoth, recovering];
    const words = [...phases.flatMap(({ firstFailures }) => firstFailures), ...ages.violations, ...complaints];
    for (const word of words) say(`  ${word}`);
    failures += ages.violationCount + complaints.length + tooSoon + (withoutRedis.most < LONGEST_MS ? 0 : 1);
    failures += phases.reduce((sum, phase) => sum + phase.failures + phase.withoutRetryAfter, 0);
    failures += well.turnedAway.length + withoutRedis.turnedAway.length;
  }
  return failures === 0 ? 0 : 1;
}

function keysOf<T extends object>(record: T): (keyof T & string)[] {
  return Object.keys(record) as (keyof T & string)[];
}

function chosen<T extends object>(record: T, name: string): keyof T & string {
  const key = keysOf(record).find((one) => one === name);
  if (key === undefined) throw new Error(`${name} is none of ${Object.keys(record).join(', ')}`);
  return key;
}

function say(line: string): 0 {
  process.stdout.write(`${line}\n`);
  return 0;
}

process.exitCode = await main(process.argv.slice(2));
