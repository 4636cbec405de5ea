import { existsSync } from 'node:fs';
import { findPostgres, findRedis } from './binaries.ts';

/** A server program that the tests start. */
interface Requirement {
  readonly name: string;
  readonly isInstalled: () => boolean;
  readonly debian: string;
  readonly homebrew: string;
}

/** Where servers that somebody else started are to be used instead: their URLs. */
export interface GivenServers {
  readonly redis: string | undefined;
  readonly postgres: string | undefined;
}

const REDIS: Requirement = {
  name: 'Redis 7.0 or later',
  isInstalled: () => findRedis() !== undefined,
  debian: 'redis-server',
  homebrew: 'redis',
};

const POSTGRES: Requirement = {
  name: 'PostgreSQL 15 or later',
  isInstalled: () => findPostgres() !== undefined,
  debian: 'postgresql',
  homebrew: 'postgresql@17',
};

/** Packages start their servers when they are installed; this file, where it exists, tells Debian not to. */
const POLICY_FILE = '/usr/sbin/policy-rc.d';

/**
 * Installs what is missing of the servers the tests start, where this machine lets us.
 *
 * @throws Error saying in one sentence what to install, where it does not.
 */
export async function installServers(given: GivenServers, progress: (line: string) => void): Promise<void> {
  const needed = [...(given.redis ? [] : [REDIS]), ...(given.postgres ? [] : [POSTGRES])];
  const missing = () => needed.filter(({ isInstalled }) => !isInstalled());
  if (missing().length === 0) return;

  progress(`installing ${list(missing().map(({ name }) => name))}`);
  const failure = await installWith(missing());
  const still = missing();
  if (still.length === 0) return;
  throw new Error(
    `The tests start ${list(still.map(({ name }) => name))}: please install ${still.length === 1 ? 'it' : 'them'} ` +
      `(Debian: apt-get install ${still.map(({ debian }) => debian).join(' ')}; ` +
      `macOS: brew install ${still.map(({ homebrew }) => homebrew).join(' ')}) ` +
      `or give the URLs of running servers in REDIS_URL and DATABASE_URL.${failure}`,
  );
}

/** @returns What went wrong, as the end of a message; empty where nothing did or nothing could be tried. */
async function installWith(missing: readonly Requirement[]): Promise<string> {
  if (process.platform === 'darwin' && Bun.which('brew')) {
    return run(['brew', 'install', ...missing.map(({ homebrew }) => homebrew)]);
  }
  const privilege = rootPrefix();
  if (!Bun.which('apt-get') || privilege === undefined) return '';
  const packages = missing.map(({ debian }) => debian);
  const apt = [...privilege, 'env', 'DEBIAN_FRONTEND=noninteractive', 'apt-get', '-o', 'DPkg::Lock::Timeout=120'];
  const hasPolicy = existsSync(POLICY_FILE);
  if (!hasPolicy)
    await run([
      ...privilege,
      'sh',
      '-c',
      `printf '#!/bin/sh\\nexit 101\\n' > ${POLICY_FILE} && chmod +x ${POLICY_FILE}`,
    ]);
  try {
    return (
      (await run([...apt, 'update'])) || (await run([...apt, 'install', '-y', '--no-install-recommends', ...packages]))
    );
  } finally {
    if (!hasPolicy) await run([...privilege, 'rm', '-f', POLICY_FILE]);
  }
}

/** How to become root without a question; on a person's own machine `sudo` is not used behind their back. */
function rootPrefix(): string[] | undefined {
  if (process.getuid?.() === 0) return [];
  return process.env.CI && Bun.which('sudo') ? ['sudo', '-n'] : undefined;
}

async function run(command: string[]): Promise<string> {
  const child = Bun.spawn(command, { stdin: 'ignore', stdout: 'pipe', stderr: 'pipe' });
  const [output, errors, status] = await Promise.all([textOf(child.stdout), textOf(child.stderr), child.exited]);
  return status === 0 ? '' : `\n${command.join(' ')} failed (${status}):\n${output}${errors}`;
}

const textOf = (stream: ReadableStream<Uint8Array>): Promise<string> => new Response(stream).text();

const list = (names: readonly string[]): string => names.join(' and ');
