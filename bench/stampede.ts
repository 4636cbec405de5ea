/**
 * Counts the loads when four processes with 250 callers each ask for one cold key at once. The loader takes 50 ms and
 * counts itself in Redis. `bun run bench stampede`
 */
import { Redis } from 'ioredis';
import { startRedis } from '../tests/support/redis-server.ts';
import { benchmark, type Measured } from './support/benchmark.ts';
import { contenders } from './support/contenders.ts';
import { atMost, isQuick, median, progress, type Row } from './support/report.ts';
import { sharedNow } from './support/worker.ts';
import { startWorker } from './support/workers.ts';

const PROCESSES = 4;
const CALLERS = 250;
/** Every process knows the key by the end of this time. */
const HEADSTART_MS = 30;
const KEYS = isQuick() ? 2 : 10;

/** Returns how often each key was loaded, and how long the slowest process took. Milliseconds. */
async function herd(name: string, url: string, counts: Redis): Promise<{ loads: number[]; ms: number[] }> {
  await using workers = new AsyncDisposableStack();
  const namespace = `herd-${crypto.randomUUID().slice(0, 8)}`;
  const args = [name, url, namespace];
  const starting = Array.from({ length: PROCESSES }, () => startWorker('stampede-worker.ts', args));
  const herds = (await Promise.all(starting)).map((one) => workers.use(one));
  const loads: number[] = [];
  const ms: number[] = [];
  for (let index = 0; index < KEYS; index += 1) {
    const key = `product:${index}`;
    const at = sharedNow() + HEADSTART_MS;
    const took = await Promise.all(herds.map((one) => one.ask<number>('herd', { key, callers: CALLERS, at })));
    loads.push(Number(await counts.get(`${namespace}:loads:${key}`)));
    ms.push(Math.max(...took));
  }
  return { loads, ms };
}

async function measure(owner: AsyncDisposableStack): Promise<Measured> {
  const { url } = owner.use(await startRedis());
  const counts = new Redis(url);
  owner.defer(() => counts.disconnect());
  const rows: Row[] = [];
  let most = Number.NaN;
  for (const { name } of await contenders()) {
    progress(`stampede: ${name}`);
    const { loads, ms } = await herd(name, url, counts);
    if (name === 'tiercel') most = Math.max(...loads);
    rows.push(
      { subject: name, case: `loads of a cold key, median of ${KEYS}`, figure: median(loads), unit: '' },
      { subject: name, case: `loads of a cold key, most of ${KEYS}`, figure: Math.max(...loads), unit: '' },
      { subject: name, case: 'until the last caller has its answer', figure: median(ms), unit: 'ms' },
    );
  }
  const what = `cold key, ${PROCESSES} processes × ${CALLERS} callers, the most of ${KEYS} keys`;
  return { rows, aims: [atMost(what, 1, most, 'load')] };
}

await benchmark('stampede', measure);
