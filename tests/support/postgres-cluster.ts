import { appendFileSync } from 'node:fs';
import { join } from 'node:path';
import { findPostgres, type PostgresBinaries } from './binaries.ts';
import { type Child, spawnChild } from './child.ts';
import { freePort } from './free-port.ts';
import { unprivilegedUser } from './launcher.ts';
import { removeFolder, temporaryFolder } from './temporary-folder.ts';

/** The files of one PostgreSQL, whether it runs or not. */
export interface PostgresCluster {
  readonly folder: string;
  /** Outlives restarts. */
  readonly logFile: string;
  readonly binaries: PostgresBinaries;
  /** PostgreSQL refuses to run as root. */
  readonly user: string | undefined;
}

/** Fast rather than durable, no sockets in the file system, reachable from this machine alone. */
const DEFAULT_CONFIG = {
  listen_addresses: '127.0.0.1',
  unix_socket_directories: '',
  fsync: 'off',
  synchronous_commit: 'off',
  full_page_writes: 'off',
  shared_buffers: '32MB',
  max_connections: '200',
  timezone: 'UTC',
  lc_messages: 'C',
  log_line_prefix: '%m [%p] %d: ',
};

const READY = /database system is ready to accept connections/;
const PORT_TAKEN = /Address already in use/;
const PORT_ATTEMPTS = 5;
const START_MS = 30_000;

/** Makes an empty cluster in a temporary folder, for which every local user is trusted. */
export async function createCluster(config: Readonly<Record<string, string>>): Promise<PostgresCluster> {
  const binaries = findPostgres();
  if (binaries === undefined) throw new Error('the PostgreSQL server was not found; install PostgreSQL 15 or later');
  const user = unprivilegedUser();
  const folder = temporaryFolder('postgres', user);
  const data = join(folder, 'data');
  const initdb = spawnChild({
    name: 'initdb',
    command: [binaries.initdb, '-D', data, '-U', 'postgres', '-A', 'trust', '-E', 'UTF8', '--locale=C', '--no-sync'],
    cwd: folder,
    user,
  });
  const status = await initdb.exited;
  if (status !== 0) {
    removeFolder(folder);
    throw new Error(`initdb failed (${status}):\n${initdb.output()}`);
  }
  const settings = Object.entries({ ...DEFAULT_CONFIG, ...config });
  const lines = settings.map(([name, value]) => `${name} = '${value.replaceAll("'", "''")}'\n`);
  appendFileSync(join(data, 'postgresql.conf'), lines.join(''));
  return { folder, logFile: join(folder, 'postgres.log'), binaries, user };
}

/** Starts PostgreSQL on a port that is free, and waits until it takes connections. */
export async function launchOnFreePort(cluster: PostgresCluster): Promise<{ port: number; child: Child }> {
  for (let attempt = 1; ; attempt++) {
    const port = await freePort();
    try {
      return { port, child: await launch(cluster, port) };
    } catch (error) {
      const isTaken = error instanceof Error && PORT_TAKEN.test(error.message);
      if (!isTaken || attempt === PORT_ATTEMPTS) throw error;
    }
  }
}

/** Starts PostgreSQL on this port and waits until it takes connections. */
export async function launch(cluster: PostgresCluster, port: number): Promise<Child> {
  const child = spawnChild({
    name: `postgres on port ${port}`,
    command: [cluster.binaries.postgres, '-D', join(cluster.folder, 'data'), '-p', String(port)],
    cwd: cluster.folder,
    user: cluster.user,
    logFile: cluster.logFile,
  });
  try {
    await child.ready(READY, START_MS);
  } catch (error) {
    await child.kill();
    throw error;
  }
  return child;
}
