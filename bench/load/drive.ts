import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { removeFolder, temporaryFolder } from '../../tests/support/temporary-folder.ts';
import { cpuMicros } from './cpu-time.ts';

/** A server that is asked, and the paths. */
export interface Target {
  /** Its address, without a slash at the end. */
  readonly url: string;
  /** The process that answers. */
  readonly pid: number;
  /** The paths that are asked for in turn. */
  readonly paths: readonly [string, ...string[]];
  readonly headers?: Readonly<Record<string, string>>;
}

/** The load of one measurement. */
export interface Pressure {
  readonly connections: number;
  /** A whole number. */
  readonly seconds: number;
}

/** The result of one measurement. */
export interface Driven {
  readonly requests: number;
  readonly perSecond: number;
  /** CPU time of the server for each request. Microseconds; NaN where the platform does not report it. */
  readonly cpuMicros: number;
  /** Milliseconds, here and in the next line. */
  readonly p50: number;
  readonly p99: number;
  /** Answers whose status is an error. */
  readonly refused: number;
  /** Requests without an answer. */
  readonly failed: number;
}

type Measured = Omit<Driven, 'perSecond' | 'cpuMicros'> & { readonly us: number };

const WRK = Bun.which('wrk');

/**
 * Names the generator. autocannon runs on Node and is full before the server is, so only the server's CPU time counts
 * then.
 */
export const GENERATOR = WRK === null ? 'autocannon, generator-limited' : 'wrk';

/** True if {@link Driven.perSecond} is the server's figure, not the generator's. */
export const isServerLimited = WRK !== null;

/** Asks a server as fast as it answers, over connections that are kept. */
export async function drive(target: Target, pressure: Pressure): Promise<Driven> {
  const before = cpuMicros(target.pid);
  const measured = WRK === null ? await byAutocannon(target, pressure) : await byWrk(WRK, target, pressure);
  const { us, ...rest } = measured;
  const used = cpuMicros(target.pid) - before;
  return { ...rest, perSecond: (measured.requests / us) * 1e6, cpuMicros: used / measured.requests };
}

async function byWrk(wrk: string, { url, paths, headers = {} }: Target, pressure: Pressure): Promise<Measured> {
  const { connections, seconds } = pressure;
  const folder = paths.length > 1 ? temporaryFolder('paths') : undefined;
  const list = folder && join(folder, 'paths.txt');
  if (list !== undefined) writeFileSync(list, `${paths.join('\n')}\n`);
  const fields = Object.entries(headers).flatMap(([name, value]) => ['-H', `${name}: ${value}`]);
  const script = ['-s', join(import.meta.dir, 'answers.lua')];
  const extent = ['-t1', `-c${connections}`, `-d${seconds}s`, '--timeout', '10s'];
  try {
    const address = url + (list === undefined ? paths[0] : '');
    const command = [wrk, ...extent, ...script, ...fields, address, ...(list === undefined ? [] : ['--', list])];
    const child = Bun.spawn(command, { stdout: 'pipe', stderr: 'pipe' });
    const [text, complaints] = await Promise.all([
      new Response(child.stdout).text(),
      new Response(child.stderr).text(),
    ]);
    const line = text.trim().split('\n').at(-1) ?? '';
    if ((await child.exited) !== 0 || !line.startsWith('{')) throw new Error(`wrk failed:\n${text}${complaints}`);
    return JSON.parse(line);
  } finally {
    if (folder !== undefined) removeFolder(folder);
  }
}

async function byAutocannon({ url, paths, headers = {} }: Target, pressure: Pressure): Promise<Measured> {
  const { default: autocannon } = await import('autocannon');
  const { connections, seconds: duration } = pressure;
  const requests = paths.map((path) => ({ path, headers }));
  const result = await autocannon({ url, connections, duration, requests });
  return {
    requests: result.requests.total,
    us: result.duration * 1e6,
    p50: result.latency.p50,
    p99: result.latency.p99,
    refused: result['4xx'] + result['5xx'],
    failed: result.errors + result.timeouts,
  };
}
