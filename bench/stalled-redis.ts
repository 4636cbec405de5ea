/**
 * Stops Redis (SIGSTOP: it takes connections and bytes, and answers nothing) while callers ask for new keys, by a
 * loader that takes 5 ms. `bun run bench stalled-redis`
 */
import { startRedis } from '../tests/support/redis-server.ts';
import type { Call } from './stalled-redis-worker.ts';
import { benchmark, type Measured } from './support/benchmark.ts';
import { contenders } from './support/contenders.ts';
import { tunedPeers } from './support/peers.ts';
import { type AimRow, atMost, isQuick, median, percentile, progress, type Row } from './support/report.ts';
import { sharedNow } from './support/worker.ts';
import { startWorker } from './support/workers.ts';

const STALL_MS = isQuick() ? 1_000 : 5_000;
/** Time before the stall, and time to recover after it. Callers ask all the while. */
const WELL_MS = 500;
/** Every cache with a breaker has opened it this long after the beginning. */
const OPENING_MS = isQuick() ? 500 : 1_000;
/** A lookup that comes in the last moment, and waits for the loader alone, does not count as held. */
const GRACE_MS = 100;

interface Calls {
  readonly lookups: readonly Call[];
  /** Calls of the same loader at the same moments, without a cache. */
  readonly loads: readonly Call[];
}

interface Figures {
  readonly p50: number;
  readonly p99: number;
  /** Lookups that waited until Redis was back, or for ever. */
  readonly held: number;
  readonly asked: number;
  /** The median of a lookup divided by the median of a load, once every breaker is open. */
  readonly onceOpen: number;
}

async function stall(name: string): Promise<Figures> {
  await using server = await startRedis();
  const namespace = `stall-${crypto.randomUUID().slice(0, 8)}`;
  await using worker = await startWorker('stalled-redis-worker.ts', [name, server.url, namespace]);
  await worker.ask('begin');
  await Bun.sleep(WELL_MS);
  const began = sharedNow();
  server.pause();
  await Bun.sleep(STALL_MS);
  const ended = sharedNow();
  server.resume();
  await Bun.sleep(WELL_MS);
  const calls = await worker.ask<Calls>('end');
  return figuresOf(calls, began, ended);
}

function figuresOf({ lookups, loads }: Calls, began: number, ended: number): Figures {
  const during = (calls: readonly Call[], from: number): readonly Call[] =>
    calls.filter(({ at }) => at >= from && at < ended);
  const isHeld = ({ at, ms }: Call): boolean => ms === undefined || at + ms >= ended;
  const asked = during(lookups, began).filter(({ at }) => at < ended - GRACE_MS);
  const msOf = ({ at, ms }: Call): number => ms ?? ended - at;
  const times = asked.map(msOf);
  const open = began + OPENING_MS;
  const onceOpen = median(during(lookups, open).map(msOf)) / median(during(loads, open).map(msOf));
  const held = asked.filter(isHeld).length;
  return { p50: percentile(times, 50), p99: percentile(times, 99), held, asked: asked.length, onceOpen };
}

async function measure(): Promise<Measured> {
  const rows: Row[] = [];
  const aims: AimRow[] = [];
  for (const { name } of [...(await contenders()), ...(await tunedPeers())]) {
    progress(`stalled-redis: ${name}`);
    const { p50, p99, held, asked, onceOpen } = await stall(name);
    rows.push(
      { subject: name, case: 'a lookup, p50', figure: p50, unit: 'ms' },
      { subject: name, case: 'a lookup, p99', figure: p99, unit: 'ms' },
      { subject: name, case: 'held until Redis was back', figure: (held * 100) / asked, unit: '%' },
      { subject: name, case: 'a lookup by the loader alone, once open', figure: onceOpen, unit: '×' },
    );
    if (name !== 'tiercel') continue;
    aims.push(
      atMost('stalled Redis, 5 ms loader, p99 from the first request on', 75, p99, 'ms'),
      atMost('stalled Redis, once the breaker is open, by the loader alone', 1.1, onceOpen, '×'),
      atMost('stalled Redis, lookups held', 0, held, ''),
    );
  }
  return { rows, aims };
}

await benchmark('stalled-redis', measure);
