/**
 * Measures the cost of an entry in bytes of heap and of the process, by number and kind of values. It compares the
 * estimate that `maxBytes` uses with the true heap. Each figure is of a fresh process. `bun run bench memory`
 */
import type { Weight } from './memory-worker.ts';
import { benchmark, type Measured } from './support/benchmark.ts';
import { type AimRow, inFigures, isQuick, progress, type Row } from './support/report.ts';
import { startWorker } from './support/workers.ts';

const COUNTS = isQuick() ? [10_000] : [1_000, 10_000, 100_000, 1_000_000];
const SUBJECTS = ['Map', 'lru-cache with TTL', 'tiercel', 'tiercel (three tags)'];
const SMALL = '97 B object';
/** The number of entries of each kind: some 50 MB or more, beside which nothing else counts. */
const KINDS: Readonly<Record<string, number>> = {
  number: 100_000,
  [SMALL]: 100_000,
  '1 kB ASCII': 30_000,
  '1 kB UTF-16': 30_000,
  '100 numbers': 30_000,
  '100 flags': 30_000,
  '50 short strings': 30_000,
  '9.9 kB of 112 objects': 3_000,
  '1 MB of 10,870 objects': 40,
};

const ALLOWED = 0.2;

/** A short run takes a fifth of everything. */
const SHARE = isQuick() ? 5 : 1;
const LIMIT = (isQuick() ? 16 : 64) * 2 ** 20;

async function weigh(...args: readonly (string | number)[]): Promise<Weight> {
  await using worker = await startWorker('memory-worker.ts', args.map(String));
  return await worker.ask<Weight>('weigh');
}

async function byCount(): Promise<Row[]> {
  const rows: Row[] = [];
  for (const count of COUNTS) {
    for (const subject of SUBJECTS) {
      const { heap, rss } = await weigh(subject, SMALL, count);
      const circumstances = `${count.toLocaleString('en')} entries of 97 B`;
      rows.push(
        { subject, case: `heap an entry, ${circumstances}`, figure: heap / count, unit: 'B' },
        { subject, case: `resident an entry, ${circumstances}`, figure: rss / count, unit: 'B' },
      );
    }
  }
  return rows;
}

async function byKind(): Promise<Measured> {
  const rows: Row[] = [];
  const aims: AimRow[] = [];
  for (const [kind, whole] of Object.entries(KINDS)) {
    const count = whole / SHARE;
    const { heap, estimated } = await weigh('tiercel', kind, count);
    const ratio = estimated / heap;
    const row = { subject: 'tiercel', case: `estimated bytes an entry, ${kind}`, figure: estimated / count, unit: 'B' };
    rows.push({ ...row, ratio, to: `true heap, ${inFigures(heap / count)} B` });
    aims.push(nearby(`estimate by true heap, ${kind}`, ratio));
  }
  return { rows, aims };
}

/** Fills a cache until it has evicted as much as it holds. */
async function atLimit(): Promise<Measured> {
  const rows: Row[] = [];
  const aims: AimRow[] = [];
  for (const [kind, whole] of [
    [SMALL, 300_000],
    ['9.9 kB of 112 objects', 15_000],
  ] as const) {
    const count = whole / SHARE;
    const { heap, entries, estimated } = await weigh('tiercel', kind, count, LIMIT);
    if (entries === count) throw new Error(`${count} entries of ${kind} do not reach the limit of ${LIMIT} bytes`);
    const circumstances = `heap at maxBytes of ${LIMIT / 2 ** 20} MiB, ${kind}`;
    rows.push({
      subject: 'tiercel',
      case: circumstances,
      figure: heap / 2 ** 20,
      unit: 'MiB',
      ratio: heap / estimated,
      to: 'its estimate',
    });
    aims.push(nearby(circumstances, heap / LIMIT));
  }
  return { rows, aims };
}

const nearby = (what: string, ratio: number): AimRow => ({
  what,
  aim: 'within 20 %',
  measured: `${inFigures(ratio)} ×`,
  met: Math.abs(ratio - 1) <= ALLOWED,
});

await benchmark('memory', async () => {
  progress('memory: by the number of entries');
  const counted = await byCount();
  progress('memory: by the kind of value');
  const kinds = await byKind();
  progress('memory: at the limit');
  const limit = await atLimit();
  return { rows: [...counted, ...kinds.rows, ...limit.rows], aims: [...(kinds.aims ?? []), ...(limit.aims ?? [])] };
});
