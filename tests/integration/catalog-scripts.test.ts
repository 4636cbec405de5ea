import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from 'bun:test';
import { type Database, openDatabase } from '../../src/catalog/database.ts';
import { findToken } from '../../src/catalog/tokens.ts';
import { freePort } from '../support/free-port.ts';
import { createDatabase, type TestDatabase } from '../support/postgres-server.ts';
import { SERVERS_TIME_LIMIT_MS } from '../support/time-limit.ts';

setDefaultTimeout(SERVERS_TIME_LIMIT_MS);

let store: TestDatabase;
let database: Database;

beforeAll(async () => {
  store = await createDatabase();
  database = await openDatabase({ url: store.url, pool: 1 });
});

afterAll(async () => {
  await database.close();
  await store.drop();
});

async function run(
  script: string,
  args: readonly string[] = [],
  env: Readonly<Record<string, string>> = { DATABASE_URL: store.url },
) {
  const child = Bun.spawn([process.execPath, `src/service/scripts/${script}.ts`, ...args], {
    env: { PATH: process.env.PATH ?? '', ...env },
    stdin: 'ignore',
    stdout: 'pipe',
    stderr: 'pipe',
  });
  const [stdout, stderr, code] = await Promise.all([
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
    child.exited,
  ]);
  return { stdout, stderr, code };
}

describe('operator scripts', () => {
  test('say what to do when the database has not been set up', async () => {
    const { stderr, code } = await run('token-list');
    expect({ stderr, code }).toEqual({
      stderr: 'The database has not been set up: run `bun run db:migrate` first.\n',
      code: 1,
    });
  });

  test('migrate and seed, twice', async () => {
    expect(await run('db-migrate')).toEqual({
      stdout: ['001-catalog', '002-versions', '003-access', '004-dashboard', '005-token-expiry', 'outbox-4']
        .map((id) => `applied migration ${id}\n`)
        .join(''),
      stderr: '',
      code: 0,
    });
    expect((await run('db-migrate')).stdout).toBe('nothing to migrate\n');
    expect((await run('db-seed')).stdout).toMatch(/^added \d+ rows of the sample catalog\n$/);
    expect(await run('db-seed')).toEqual({ stdout: 'the sample catalog is complete\n', stderr: '', code: 0 });
  });

  test('make, list and revoke a token', async () => {
    const created = await run('token-create', ['--org', '1', '--role', 'writer', '--label', 'till\n4']);
    expect(created.code).toBe(0);
    expect(created.stdout).toMatch(/^tct_[A-Za-z0-9_-]{43}\n$/);
    const token = created.stdout.trim();
    expect(created.stderr).not.toContain(token);
    expect(await findToken(database.sql, token)).toMatchObject({ orgId: 1, role: 'writer' });
    const brief = await run('token-create', ['--org', '*', '--role', 'reader', '--expires', '90d']);
    const end = new Date(/good until (\S+Z)\./.exec(brief.stderr)?.[1] ?? 0).getTime();
    expect(Math.abs(end - Date.now() - 90 * 86_400_000)).toBeLessThan(3_600_000);

    const listed = await run('token-list');
    expect(listed.stdout).not.toContain(token);
    expect(listed.stdout.split('\n')).toEqual([
      expect.stringMatching(/^ID {2}ORG {2}ROLE {4}CREATED +EXPIRES +REVOKED {2}LABEL$/),
      expect.stringMatching(/^1 {3}1 {4}writer {2}\S+Z {2}- +- {8}till 4$/),
      expect.stringMatching(/^2 {3}\* {4}reader {2}\S+Z {2}\S+Z {2}-$/),
      '',
    ]);

    expect((await run('token-revoke', ['1'])).stdout).toMatch(/^Token 1 is revoked since /);
    expect((await run('token-revoke', ['--id', '1'])).code).toBe(0);
    expect(await findToken(database.sql, token)).toBeNull();
    expect(await run('token-revoke', ['77'])).toEqual({ stdout: '', stderr: 'There is no token 77.\n', code: 1 });
  });

  test.each([
    ['token-create', []],
    ['token-create', ['--org', '1']],
    ['token-create', ['--org', '01', '--role', 'writer']],
    ['token-create', ['--org', '1', '--role', 'admin']],
    ['token-create', ['--org', '1', '--role', 'reader', '--colour', 'red']],
    ['token-create', ['--org', '1', '--role', 'reader', '--expires', '90']],
    ['token-create', ['--org', '1', '--role', 'reader', '--expires', '0d']],
    ['token-create', ['--org', '1', '--role', 'reader', '--expires', 'never']],
    ['token-revoke', []],
    ['token-revoke', ['1e3']],
    ['db-migrate', ['now']],
  ])('%s %p: a command line without sense ends with the usage and 64', async (script, args) => {
    const { stdout, stderr, code } = await run(script, args);
    expect(stdout).toBe('');
    expect(stderr).toContain('\nUsage: bun run ');
    expect(code).toBe(64);
  });

  test('an org that does not exist is named', async () => {
    const { stderr, code } = await run('token-create', ['--org', '4711', '--role', 'reader']);
    expect({ stderr, code }).toEqual({ stderr: 'There is no org 4711\n', code: 1 });
  });

  test.each(['db-migrate', 'db-seed', 'token-create', 'token-list', 'token-revoke'])(
    '%s explains itself and its configuration',
    async (script) => {
      const help = await run(script, ['--help'], {});
      expect(help.stdout).toStartWith('Usage: bun run ');
      expect(help.code).toBe(0);

      const args =
        script === 'token-revoke' ? ['1'] : script === 'token-create' ? ['--org', '1', '--role', 'reader'] : [];
      const unset = await run(script, args, {});
      expect(unset.stderr).toContain('DATABASE_URL is not set');
      expect(unset.code).toBe(78);
      const wrong = await run(script, args, { DATABASE_URL: 'mysql://user:hunter2@db' });
      expect(wrong.stderr).toContain('DATABASE_URL (not shown) must be postgres://');
      expect(wrong.stderr).not.toContain('hunter2');
      expect(wrong.code).toBe(78);
    },
  );

  test('a database that is not there is one line, without its password', async () => {
    const port = await freePort();
    const { stderr, code } = await run('db-migrate', [], {
      DATABASE_URL: `postgres://user:hunter2@127.0.0.1:${port}/none`,
    });
    expect(stderr).toBe(`connect ECONNREFUSED 127.0.0.1:${port}\n`);
    expect(code).toBe(1);
  });
});
