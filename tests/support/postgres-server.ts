import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import postgres from 'postgres';
import { createCluster, launch, launchOnFreePort } from './postgres-cluster.ts';
import { runEnd } from './run-end.ts';
import { removeFolder } from './temporary-folder.ts';

/** What a test's own PostgreSQL is to be like. */
export interface PostgresOptions {
  /** Settings of postgresql.conf, e.g. `{ log_statement: 'all' }` to find every statement in the log. */
  readonly config?: Readonly<Record<string, string>>;
}

/** A PostgreSQL that one test owns. */
export interface PostgresServer extends AsyncDisposable {
  /** Of the database `postgres`, as superuser `postgres`, without a password. */
  readonly url: string;
  readonly host: string;
  /** Stays the same over a restart. */
  readonly port: number;
  /** Everything it has logged, restarts included. Each line begins `<time> [<backend pid>] <database>: `. */
  readonly logFile: string;
  /** Of the postmaster that runs now, or ran last. */
  readonly pid: number;
  /** The whole text of {@link PostgresServer.logFile}. */
  log(): string;
  /** A fast shutdown, then removes its folder. Doing it again does nothing. */
  stop(): Promise<void>;
  /** SIGKILL to the postmaster and its backends; the data stay for {@link PostgresServer.restart}. */
  kill(): Promise<void>;
  /** Sends a signal to the postmaster alone. */
  signal(signal: NodeJS.Signals): void;
  /** SIGSTOP to the postmaster and its backends. */
  pause(): void;
  /** SIGCONT to the same. */
  resume(): void;
  /** Ends it by a fast shutdown if it still runs, and starts it again on the same port with the same data. */
  restart(): Promise<void>;
}

/** Makes an empty PostgreSQL in a temporary folder, starts it on a free port and waits until it takes connections. */
export async function startPostgres(options: PostgresOptions = {}): Promise<PostgresServer> {
  const cluster = await createCluster(options.config ?? {});
  const { port, child: first } = await launchOnFreePort(cluster);
  let child = first;
  const server: PostgresServer = {
    url: `postgres://postgres@127.0.0.1:${port}/postgres`,
    host: '127.0.0.1',
    port,
    logFile: cluster.logFile,
    get pid() {
      return child.pid;
    },
    log: () => readFileSync(cluster.logFile, 'utf8'),
    async stop() {
      await child.stop('SIGINT');
      removeFolder(cluster.folder);
    },
    kill: () => child.kill(),
    signal: (signal) => child.signal(signal),
    pause: () => child.pause(),
    resume: () => child.resume(),
    async restart() {
      await child.stop('SIGINT');
      child = await launch(cluster, port);
    },
    [Symbol.asyncDispose]: () => server.stop(),
  };
  return server;
}

let shared: Promise<string> | undefined;

/**
 * URL of the PostgreSQL that all test files of a run share; started on the first call unless the runner has done so.
 * Work in a database of your own, see {@link createDatabase}, and neither stop nor reconfigure the server.
 */
export function sharedPostgres(): Promise<string> {
  const given = process.env.TIERCEL_TEST_DATABASE_URL;
  shared ??= given ? Promise.resolve(given) : startPostgres().then((server) => runEnd.use(server).url);
  return shared;
}

/** PostgreSQL's other template may have sessions, and CREATE DATABASE then refuses it. */
const EMPTY = 'template0';

/** A database that one test file owns. */
export interface TestDatabase extends AsyncDisposable {
  readonly url: string;
  readonly name: string;
  /** Ends what is still connected and drops it. Doing it again does nothing. */
  drop(): Promise<void>;
}

/**
 * Creates a database on the {@link sharedPostgres}, or on the server whose URL is given.
 *
 * @param template The database that it is a copy of, which has no sessions. By default it is empty.
 */
export async function createDatabase(serverUrl?: string, template = EMPTY): Promise<TestDatabase> {
  const administration = serverUrl ?? (await sharedPostgres());
  const name = `tiercel_${randomBytes(6).toString('hex')}`;
  await execute(administration, `CREATE DATABASE ${name} TEMPLATE ${template}`);
  const url = new URL(administration);
  url.pathname = `/${name}`;
  const database: TestDatabase = {
    url: url.href,
    name,
    drop: () => execute(administration, `DROP DATABASE IF EXISTS ${name} WITH (FORCE)`),
    [Symbol.asyncDispose]: () => database.drop(),
  };
  return database;
}

async function execute(url: string, statement: string): Promise<void> {
  const sql = postgres(url, { max: 1, onnotice: () => {} });
  try {
    await sql.unsafe(statement);
  } finally {
    await sql.end();
  }
}
