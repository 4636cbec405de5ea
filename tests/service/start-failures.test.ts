import { describe, expect, test } from 'bun:test';
import type { Sql } from '../../src/catalog/sql.ts';
import { InvalidOptionError } from '../../src/core/model/errors.ts';
import { loadConfig } from '../../src/service/config/load-config.ts';
import { descriptorLimit, descriptorWarning } from '../../src/service/descriptor-limit.ts';
import { ListenError } from '../../src/service/http/server.ts';
import { createLogger } from '../../src/service/logging/logger.ts';
import { StartError, startFailure } from '../../src/service/start-failure.ts';
import { waitForDatabase } from '../../src/service/wait-for-database.ts';
import { until } from '../../src/testing/until.ts';

const config = loadConfig(
  { DATABASE_URL: 'postgres://user:hunter2@db:5432/shop', PORT: '80', DATABASE_WAIT_MS: '50' },
  { isTerminal: false },
);

const coded = (code: string, message = 'connect failed') => Object.assign(new Error(message), { code });
const listening = (code: string) => new ListenError('no', { cause: coded(code) });

describe('a start that fails is one sentence with the remedy, without a secret:', () => {
  const cases: [name: string, error: unknown, says: readonly string[], exitCode: number][] = [
    ['a port that is taken', listening('EADDRINUSE'), ['Port 80', 'EADDRINUSE', 'set PORT'], 1],
    ['a port that is reserved', listening('EACCES'), ['port 80', 'above 1023'], 1],
    ['an address of another machine', listening('EADDRNOTAVAIL'), ['HOST=127.0.0.1', 'set HOST'], 1],
    ['an unknown name', listening('ENOTFOUND'), ['HOST=', 'set HOST'], 1],
    ['a database that is away', coded('ECONNREFUSED'), ['db:5432/shop', 'DATABASE_URL', 'DATABASE_WAIT_MS'], 69],
    [
      'a database that is away at each of its addresses',
      new AggregateError([coded('ECONNREFUSED'), coded('ECONNREFUSED')], ''),
      ['DATABASE_URL', 'ECONNREFUSED'],
      69,
    ],
    ['migrations that are pending', new StartError('MIGRATE=off, run `bun run db:migrate`.'), ['db:migrate'], 1],
    ['an option of a part', new InvalidOptionError('maxLag', 1, 'at least 150 ms'), ['maxLag', 'LOG_LEVEL=debug'], 1],
    [
      'an error that repeats a URL',
      new TypeError('"postgres://user:hunter2@db/shop?password=hunter2" cannot be parsed as a URL.'),
      ['cannot be parsed'],
      1,
    ],
    ['what is no error', 'password=hunter2', ['could not start'], 1],
  ];
  test.each(cases)('%s', (_, error, says, exitCode) => {
    const failure = startFailure(error, config);
    expect(failure.exitCode).toBe(exitCode);
    for (const word of says) expect(failure.reason).toContain(word);
    expect(failure.reason).not.toMatch(/hunter2|\n|\bat \w+ \(/);
    expect(failure.reason.length).toBeLessThan(400);
  });
});

describe('a database that is away at the start', () => {
  /** A client whose queries fail so often. */
  const failing = (times: number, error: unknown) => {
    const client = { queries: 0 };
    const query = async () => {
      client.queries += 1;
      if (client.queries <= times) throw error;
      return [];
    };
    return { client, sql: query as unknown as Sql };
  };

  test('is asked again until it answers, and that is said', async () => {
    const lines: Record<string, unknown>[] = [];
    const log = await createLogger(
      { level: 'info', format: 'json' },
      { write: (line: string) => void lines.push(JSON.parse(line)) },
    );
    const { client, sql } = failing(3, coded('ECONNREFUSED'));
    await waitForDatabase(sql, { waitMs: 60_000, log });
    expect(client.queries).toBe(4);
    expect(lines.map(({ event, level }) => [event, level])).toEqual([['database_waiting', 'warn']]);
    expect(String(lines[0]?.msg)).toContain('DATABASE_URL');
  });

  test('is waited for no longer than that where it takes connections and stays silent, and that is said', async () => {
    const lines: Record<string, unknown>[] = [];
    const write = (line: string) => void lines.push(JSON.parse(line));
    const log = await createLogger({ level: 'info', format: 'json' }, { write });
    const sql = (() => new Promise(() => {})) as unknown as Sql;
    const failed = waitForDatabase(sql, { waitMs: 2_400, log });
    await expect(failed).rejects.toMatchObject({ code: 'CONNECT_TIMEOUT' });
    expect(lines.map(({ event }) => event)).toEqual(['database_waiting']);
  });

  test('is given up when its time is over, with its own error', async () => {
    const log = await createLogger({ level: 'silent', format: 'json' });
    const { client, sql } = failing(Infinity, coded('ECONNREFUSED'));
    await expect(waitForDatabase(sql, { waitMs: 150, log })).rejects.toMatchObject({ code: 'ECONNREFUSED' });
    expect(client.queries).toBeGreaterThan(1);
  });

  test('is given up at once when the process is to end', async () => {
    const log = await createLogger({ level: 'silent', format: 'json' });
    const ending = new AbortController();
    const { client, sql } = failing(Infinity, coded('ECONNREFUSED'));
    const waiting = waitForDatabase(sql, { waitMs: 3_600_000, log, signal: ending.signal });
    await until(() => client.queries > 1, { what: 'a second try' });
    ending.abort();
    await expect(waiting).rejects.toMatchObject({ code: 'ECONNREFUSED' });
  });

  test('is not asked again when it refuses: time mends no password', async () => {
    const log = await createLogger({ level: 'silent', format: 'json' });
    const { client, sql } = failing(Infinity, coded('28P01'));
    await expect(waitForDatabase(sql, { waitMs: 60_000, log })).rejects.toMatchObject({ code: '28P01' });
    expect(client.queries).toBe(1);
  });
});

describe('the limit of descriptors', () => {
  test('is known here, and warned about below twice the requests', () => {
    expect(descriptorLimit()).toBeGreaterThan(0);
    expect(descriptorWarning(19_999, 10_000)).toContain('MAX_REQUESTS=10000');
    for (const limit of [20_000, Infinity, undefined]) expect(descriptorWarning(limit, 10_000)).toBeUndefined();
  });
});

test('an error in the log holds neither the password of a URL nor what it carries beside its words', async () => {
  const lines: string[] = [];
  const log = await createLogger({ level: 'info', format: 'json' }, { write: (line: string) => void lines.push(line) });
  const url = 'postgres://user:hunter2@[::1/shop?password=hunter2';
  const error = Object.assign(new TypeError(`"${url}" cannot be parsed as a URL.`, { cause: new Error(url) }), {
    code: 'ERR_INVALID_URL',
    input: url,
    parameters: ['hunter2'],
  });
  log.error({ event: 'request_failed', err: error }, 'A request failed');
  expect(lines.join()).not.toContain('hunter2');
  expect(JSON.parse(lines[0] ?? '').err).toMatchObject({ type: 'TypeError', code: 'ERR_INVALID_URL' });
});
