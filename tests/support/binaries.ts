import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';

/** Programs that the tests start, each by its whole path. */
export interface PostgresBinaries {
  readonly initdb: string;
  readonly postgres: string;
}

/** `redis-server`, from PATH or from Homebrew; `undefined` when this machine has none. */
export function findRedis(): string | undefined {
  return Bun.which('redis-server') ?? inFolders(homebrew('redis'), 'redis-server');
}

/** PostgreSQL's server programs: the newest version in Debian's or Homebrew's folders, else those on PATH. */
export function findPostgres(): PostgresBinaries | undefined {
  const folders = [...newestFirst('/usr/lib/postgresql', /^\d+$/), ...homebrew('postgresql')];
  const initdb = inFolders(folders, 'initdb') ?? Bun.which('initdb') ?? undefined;
  const postgres = inFolders(folders, 'postgres') ?? Bun.which('postgres') ?? undefined;
  return initdb && postgres ? { initdb, postgres } : undefined;
}

function homebrew(formula: string): string[] {
  const versions = new RegExp(`^${formula}(@[\\d.]+)?$`);
  return ['/opt/homebrew/opt', '/usr/local/opt'].flatMap((folder) => newestFirst(folder, versions));
}

/** The `bin` folders of what is installed in `folder` under names that match, the highest version first. */
function newestFirst(folder: string, names: RegExp): string[] {
  if (!existsSync(folder)) return [];
  return readdirSync(folder)
    .filter((name) => names.test(name))
    .sort((a, b) => b.localeCompare(a, 'en', { numeric: true }))
    .map((name) => join(folder, name, 'bin'));
}

function inFolders(folders: readonly string[], program: string): string | undefined {
  return folders.map((folder) => join(folder, program)).find((path) => existsSync(path));
}
