import { existsSync, readFileSync } from 'node:fs';
import { arch, cpus, platform, release, totalmem } from 'node:os';
import { join } from 'node:path';
import { findPostgres, findRedis } from '../../tests/support/binaries.ts';

/** The machine of the measurements. */
export interface Machine {
  readonly cpu: string;
  readonly cores: number;
  readonly memoryGiB: number;
  /** `linux 6.1.0 x64`. */
  readonly kernel: string;
}

const ROOT = join(import.meta.dir, '../..');

export function machine(): Machine {
  const cores = cpus();
  return {
    cpu: cores[0]?.model.trim() ?? 'unknown',
    cores: cores.length,
    memoryGiB: Math.round(totalmem() / 2 ** 30),
    kernel: `${platform()} ${release()} ${arch()}`,
  };
}

/**
 * Lists the versions of the runtime, of the servers on this machine, of Tiercel's commit and of every package of the
 * benchmarks.
 */
export function versions(): Record<string, string> {
  return {
    tiercel: commit(),
    bun: Bun.version,
    'redis-server': versionOf(findRedis()),
    postgresql: versionOf(findPostgres()?.postgres),
    ...packages(),
  };
}

/** Returns the short commit, with `-dirty` where something is not committed. */
function commit(): string {
  return printed(['git', '-C', ROOT, 'describe', '--always', '--dirty', '--match=', '--abbrev=10']) ?? 'unknown';
}

function versionOf(binary: string | undefined): string {
  const text = binary === undefined ? undefined : printed([binary, '--version']);
  return text?.match(/\d+(?:\.\d+)+/)?.[0] ?? 'none';
}

/**
 * Lists packages, Tiercel's own clients first. A peer may need another version of the same package, which then bears
 * its name.
 */
function packages(): Record<string, string> {
  const own = ['ioredis', 'lru-cache', 'elysia', 'postgres'];
  const bench = join(ROOT, 'bench');
  const peers = join(bench, 'peers');
  return {
    ...installedIn(ROOT, own),
    ...installedIn(bench, dependenciesOf(bench)),
    ...renamed(installedIn(peers, dependenciesOf(peers)), (name) => (own.includes(name) ? `${name} (of peers)` : name)),
  };
}

function installedIn(folder: string, names: readonly string[]): Record<string, string> {
  const file = (name: string): string => join(folder, 'node_modules', name, 'package.json');
  return Object.fromEntries(names.map((name) => [name, installed(file(name))]));
}

const renamed = (versions: Record<string, string>, rename: (name: string) => string): Record<string, string> =>
  Object.fromEntries(Object.entries(versions).map(([name, version]) => [rename(name), version]));

function dependenciesOf(folder: string): string[] {
  const file = join(folder, 'package.json');
  if (!existsSync(file)) return [];
  const { dependencies = {} } = JSON.parse(readFileSync(file, 'utf8')) as { dependencies?: Record<string, string> };
  return Object.keys(dependencies);
}

function installed(file: string): string {
  return existsSync(file) ? String(JSON.parse(readFileSync(file, 'utf8')).version) : 'none';
}

function printed(command: string[]): string | undefined {
  try {
    const { exitCode, stdout } = Bun.spawnSync(command, { stderr: 'ignore' });
    return exitCode === 0 ? stdout.toString().trim() : undefined;
  } catch {
    return undefined;
  }
}
