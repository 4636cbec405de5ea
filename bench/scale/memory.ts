import { join } from 'node:path';
import { spawnChild } from '../../tests/support/child.ts';
import { type Stage, TOKEN } from '../http/stage.ts';
import { isQuick, progress, type Row } from '../support/report.ts';
import { draw } from './plot.ts';

/** Limits of L1, in MiB. */
const LIMITS = isQuick() ? [8] : [16, 32, 64, 128];
/** This number fills every page that is asked for. */
const PRODUCTS = 5_000;
/** Products of a page: about a hundred kilobytes of JSON. */
const PAGE = 1_000;
/** The share of pages that are asked for beyond the room of L1. */
const BEYOND = 1.2;
const PAGE_BYTES = 90_000;
const MIB = 2 ** 20;

interface Memory {
  readonly heap: number;
  readonly resident: number;
}

/** Measures the heap and the resident memory of the process for a limit of L1, before and after L1 is full. */
export async function measureMemory(stage: Stage): Promise<Row[]> {
  await stage.grow(PRODUCTS);
  const rows: Row[] = [];
  const heaps: [number, number][] = [];
  const resident: [number, number][] = [];
  for (const limit of LIMITS) {
    progress(`scale: an L1 of ${limit} MiB`);
    const { before, after, held } = await fill(stage, limit);
    heaps.push([limit, (after.heap - before.heap) / MIB]);
    resident.push([limit, after.resident / MIB]);
    const row = (what: string, bytes: number): Row => ({
      subject: 'service',
      case: `CACHE_L1_MAX_BYTES of ${limit} MiB, ${what}`,
      figure: bytes / MIB,
      unit: 'MiB',
    });
    rows.push(
      row('held by L1, by its own account', held),
      row('heap more than empty', after.heap - before.heap),
      row('resident, empty', before.resident),
      row('resident, full', after.resident),
    );
  }
  draw('scale-memory', {
    title: 'Memory by the limit of L1',
    about: 'One instance of the service whose L1 is full of lists of products; the heap after a collection',
    x: { name: 'CACHE_L1_MAX_BYTES, MiB', scale: 'linear' },
    y: [{ name: 'MiB', scale: 'linear' }],
    lines: [
      { name: 'heap, beyond an empty L1', points: heaps },
      { name: 'resident memory', points: resident },
      { name: 'the limit itself', points: LIMITS.map((limit) => [limit, limit] as const) },
    ],
  });
  return rows;
}

async function fill(stage: Stage, limit: number): Promise<{ before: Memory; after: Memory; held: number }> {
  const env = { ...stage.environment(), CACHE_L1_MAX_BYTES: String(limit * MIB), PORT: '0', HOST: '127.0.0.1' };
  const script = join(import.meta.dir, 'subjects/service-with-heap.ts');
  const child = spawnChild({ name: 'service', command: [process.execPath, script], env: { ...process.env, ...env } });
  try {
    const [, teller = ''] = await child.ready(/^heap (\S+)$/m);
    const [, url = ''] = await child.ready(/"url":"(http[^"]+?)\/?"/, 30_000);
    const tell = async () => (await (await fetch(teller)).json()) as Memory;
    const before = await tell();
    const pages = Math.ceil((BEYOND * limit * MIB) / PAGE_BYTES);
    const path = (after: number) => `/api/v1/orgs/1/products?limit=${PAGE}&after=${after}`;
    const paths = Array.from({ length: pages }, (_, index) => path(1_000 + index));
    await askEach(url, paths);
    const token = { authorization: `Bearer ${TOKEN}` };
    const health = (await (await fetch(`${url}/api/v1/cache/health`, { headers: token })).json()) as {
      tiers: { l1: { memoryBytes: number } };
    };
    return { before, after: await tell(), held: health.tiers.l1.memoryBytes };
  } finally {
    await child.stop();
  }
}

const AT_ONCE = 8;

async function askEach(url: string, paths: readonly string[]): Promise<void> {
  for (let at = 0; at < paths.length; at += AT_ONCE) {
    const answers = await Promise.all(paths.slice(at, at + AT_ONCE).map((path) => fetch(url + path)));
    for (const answer of answers) {
      await answer.arrayBuffer();
      if (answer.status !== 200) throw new Error(`a list was answered ${answer.status}`);
    }
  }
}
