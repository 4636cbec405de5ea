import type { Asked } from '../http/rounds.ts';
import type { Stage } from '../http/stage.ts';
import { drive } from '../load/drive.ts';
import { isQuick, progress, type Row } from '../support/report.ts';
import { draw } from './plot.ts';

const CONNECTIONS = isQuick() ? [1, 64, 1_000] : [1, 4, 16, 64, 250, 1_000, 4_000, 10_000];
const SECONDS = isQuick() ? 1 : 2;

/** Measures requests a second and their 99th percentile, by the number of connections that ask at once. */
export async function measureConnections(stage: Stage): Promise<Row[]> {
  const subjects = [await stage.service('L1 hit'), await stage.service('no cache', { CACHE_DISABLED: 'true' })];
  const rows: Row[] = [];
  const points = new Map(subjects.map(({ name }) => [name, [] as { at: number; perSecond: number; p99: number }[]]));
  for (const subject of subjects) await drive(subject, { connections: 64, seconds: SECONDS });
  for (const connections of CONNECTIONS) {
    progress(`scale: ${connections} connections`);
    for (const subject of subjects) {
      const { perSecond, p99 } = await take(subject, connections);
      points.get(subject.name)?.push({ at: connections, perSecond, p99 });
      const circumstances = { subject: subject.name, case: `connections: ${connections.toLocaleString('en')}` };
      rows.push({ ...circumstances, figure: perSecond, unit: '/s' }, { ...circumstances, figure: p99, unit: 'ms p99' });
    }
  }
  const lines = [...points].flatMap(([name, all]) => [
    { name: `${name}: requests/s`, points: all.map(({ at, perSecond }) => [at, perSecond] as const) },
    { name: `${name}: p99`, points: all.map(({ at, p99 }) => [at, p99] as const), axis: 1 as const },
  ]);
  draw('scale-connections', {
    title: 'Throughput and latency by concurrent connections',
    about: 'One instance of the service over HTTP, one product; the load generator shares its machine',
    x: { name: 'concurrent connections', scale: 'log' },
    y: [
      { name: 'requests per second', scale: 'log' },
      { name: '99th percentile of latency, ms', scale: 'log' },
    ],
    lines,
  });
  return rows;
}

/**
 * Drives a subject once. The system may refuse some of thousands of connections that open at once; the other answers
 * count.
 */
async function take(subject: Asked, connections: number) {
  const driven = await drive(subject, { connections, seconds: SECONDS });
  if (driven.refused > 0) throw new Error(`${subject.name} refused ${driven.refused} requests`);
  return driven;
}
