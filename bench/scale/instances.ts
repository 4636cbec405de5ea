import type { Stage } from '../http/stage.ts';
import { drive } from '../load/drive.ts';
import { isQuick, progress, type Row } from '../support/report.ts';
import { draw } from './plot.ts';

const MOST = 4;
const SECONDS = isQuick() ? 1 : 3;
const CONNECTIONS = 64;

/** Measures the answers of several instances together, each asked over its own part of the same connections. */
export async function measureInstances(stage: Stage): Promise<Row[]> {
  // All instances share one namespace in Redis: they are one fleet.
  const env = { CACHE_NAMESPACE: `bench-${crypto.randomUUID()}` };
  const services = [];
  for (let number = 1; number <= MOST; number += 1) services.push(await stage.service(`instance ${number}`, env));
  for (const service of services) await drive(service, { connections: CONNECTIONS, seconds: 1 });
  const rows: Row[] = [];
  for (let count = 1; count <= MOST; count += 1) {
    progress(`scale: ${count} instances`);
    const connections = Math.floor(CONNECTIONS / count);
    const driven = await Promise.all(
      services.slice(0, count).map((service) => drive(service, { connections, seconds: SECONDS })),
    );
    const circumstances = { subject: 'L1 hit', case: `instances: ${count}, ${CONNECTIONS} connections` };
    rows.push(
      { ...circumstances, figure: driven.reduce((sum, { perSecond }) => sum + perSecond, 0), unit: '/s' },
      { ...circumstances, figure: Math.max(...driven.map(({ p99 }) => p99)), unit: 'ms p99' },
    );
  }
  const points = (unit: string) =>
    rows.filter((row) => row.unit === unit).map(({ figure }, index) => [index + 1, figure] as const);
  draw('scale-instances', {
    title: 'Throughput and latency by instances',
    about: `Instances of the service on one machine with its load generator, ${CONNECTIONS} connections in all, L1 hits`,
    x: { name: 'instances', scale: 'linear' },
    y: [
      { name: 'requests per second', scale: 'linear' },
      { name: '99th percentile of latency, ms', scale: 'linear' },
    ],
    lines: [
      { name: 'requests/s', points: points('/s') },
      { name: 'p99', points: points('ms p99'), axis: 1 },
    ],
  });
  return rows;
}
