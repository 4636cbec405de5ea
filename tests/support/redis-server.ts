import { randomBytes } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { findRedis } from './binaries.ts';
import { type Child, spawnChild } from './child.ts';
import { freePort } from './free-port.ts';
import { runEnd } from './run-end.ts';
import { removeFolder, temporaryFolder } from './temporary-folder.ts';

/** What a test's own Redis is to be like. */
export interface RedisOptions {
  /** Directives of redis.conf beside or instead of {@link DEFAULT_CONFIG}; a list writes the directive several times. */
  readonly config?: Readonly<Record<string, string | readonly string[]>>;
  /** Further arguments of the command line, e.g. `['--sentinel']`. */
  readonly args?: readonly string[];
  /** Demanded of every client, and part of {@link RedisServer.url}. */
  readonly password?: string;
  /** By default a free one. */
  readonly port?: number;
}

/** A Redis that one test owns. */
export interface RedisServer extends AsyncDisposable {
  readonly url: string;
  readonly host: string;
  /** Stays the same over a restart. */
  readonly port: number;
  /** Its temporary folder, with `redis.conf` and whatever it saved. */
  readonly folder: string;
  /** Of the process that runs now, or ran last. */
  readonly pid: number;
  /** What it has logged since its latest start. */
  log(): string;
  /** SIGTERM, then removes its folder. Doing it again does nothing. */
  stop(): Promise<void>;
  /** SIGKILL; the folder stays for {@link RedisServer.restart}. */
  kill(): Promise<void>;
  signal(signal: NodeJS.Signals): void;
  /** SIGSTOP: the kernel still accepts connections and bytes, nobody answers. */
  pause(): void;
  /** SIGCONT. */
  resume(): void;
  /**
   * Ends it with SIGKILL if it still runs, and starts it again on the same port.
   * `keepData` (false) lets it load what it had saved to its folder; by default it saves nothing unless told `SAVE`.
   */
  restart(options?: { readonly keepData?: boolean }): Promise<void>;
}

/** No persistence, faults allowed, reachable from this machine alone. */
const DEFAULT_CONFIG = {
  bind: '127.0.0.1',
  save: '""',
  appendonly: 'no',
  'enable-debug-command': 'local',
  daemonize: 'no',
};

const READY = /Ready to accept connections|Sentinel ID is/;
const PORT_TAKEN = /Address already in use/;
const PORT_ATTEMPTS = 5;

/** Starts a Redis on a free port and waits until it takes connections. */
export async function startRedis(options: RedisOptions = {}): Promise<RedisServer> {
  const binary = findRedis();
  if (binary === undefined) throw new Error('redis-server was not found; install Redis 7.0 or later');
  const folder = temporaryFolder('redis');
  const { port, child: first } = await launchOnFreePort(binary, folder, options);
  let child = first;

  const server: RedisServer = {
    url: `redis://${options.password === undefined ? '' : `:${encodeURIComponent(options.password)}@`}127.0.0.1:${port}`,
    host: '127.0.0.1',
    port,
    folder,
    get pid() {
      return child.pid;
    },
    log: () => child.output(),
    async stop() {
      await child.stop();
      removeFolder(folder);
    },
    kill: () => child.kill(),
    signal: (signal) => child.signal(signal),
    pause: () => child.pause(),
    resume: () => child.resume(),
    async restart({ keepData = false } = {}) {
      await child.kill();
      if (!keepData) for (const saved of ['dump.rdb', 'appendonlydir']) removeFolder(join(folder, saved));
      child = await launch(binary, folder, port, options);
    },
    [Symbol.asyncDispose]: () => server.stop(),
  };
  return server;
}

async function launchOnFreePort(binary: string, folder: string, options: RedisOptions) {
  for (let attempt = 1; ; attempt++) {
    const port = options.port ?? (await freePort());
    try {
      return { port, child: await launch(binary, folder, port, options) };
    } catch (error) {
      const isTaken = error instanceof Error && PORT_TAKEN.test(error.message);
      if (isTaken && options.port === undefined && attempt < PORT_ATTEMPTS) continue;
      removeFolder(folder);
      throw error;
    }
  }
}

async function launch(binary: string, folder: string, port: number, options: RedisOptions): Promise<Child> {
  const file = join(folder, 'redis.conf');
  writeFileSync(file, configFile({ ...DEFAULT_CONFIG, port: String(port), dir: folder }, options));
  const child = spawnChild({
    name: `redis-server on port ${port}`,
    command: [binary, file, ...(options.args ?? [])],
  });
  try {
    await child.ready(READY);
  } catch (error) {
    await child.kill();
    throw error;
  }
  return child;
}

function configFile(defaults: Readonly<Record<string, string>>, { config = {}, password }: RedisOptions): string {
  const all = { ...defaults, ...(password === undefined ? {} : { requirepass: JSON.stringify(password) }), ...config };
  const lines = Object.entries(all).flatMap(([directive, value]) => [value].flat().map((one) => `${directive} ${one}`));
  return `${lines.join('\n')}\n`;
}

let shared: Promise<string> | undefined;

/**
 * URL of the Redis that all test files of a run share; started on the first call unless the runner has done so.
 * Keep to a {@link uniqueNamespace}, and neither flush nor stop nor reconfigure it.
 */
export function sharedRedis(): Promise<string> {
  const given = process.env.TIERCEL_TEST_REDIS_URL;
  shared ??= given ? Promise.resolve(given) : startRedis().then((server) => runEnd.use(server).url);
  return shared;
}

/** A namespace that no other test, run or process uses. */
export function uniqueNamespace(prefix = 'test'): string {
  return `${prefix}-${randomBytes(6).toString('hex')}`;
}
