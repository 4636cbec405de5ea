import { describe, expect, setDefaultTimeout, test } from 'bun:test';
import { connect } from 'node:net';
import postgres from 'postgres';
import { VARIABLES } from '../../src/service/config/variables.ts';
import { until } from '../../src/testing/until.ts';
import { freePort } from '../support/free-port.ts';
import { createDatabase } from '../support/postgres-server.ts';
import { runService, startService } from '../support/service-process.ts';
import { makeSurroundings } from './test-service.ts';

// Each test starts processes, the embedded database among them.
setDefaultTimeout(60_000);

describe('without any configuration', () => {
  test('the service brings its own database, says once what it lacks, and ends with 0', async () => {
    await using service = await startService();
    const path = '/api/v1/orgs/1/products/1';
    const answers = [await service.fetch(path), await service.fetch(path)];
    expect(answers.map(({ headers }) => headers.get('x-cache-tier'))).toEqual(['source', 'l1']);
    expect(service.logs.filter(({ event }) => event === 'no_redis')).toHaveLength(1);
    expect(await service.logged('listening')).toMatchObject({ level: 'info', url: service.url, pid: service.pid });

    const tokens = service.logs.filter(({ event }) => event === 'tokens_generated');
    expect(tokens).toHaveLength(1);
    const authorization = `Bearer ${tokens[0]?.viewerToken}`;
    expect((await service.fetch('/api/v1/cache', { headers: { authorization } })).status).toBe(200);

    expect(await service.stop()).toBe(0);
    expect(service.logs.at(-1)).toMatchObject({ event: 'shutdown', signal: 'SIGTERM' });
    expect(service.logs).toContainEqual(expect.objectContaining({ event: 'database_starting' }));
    const guide = service.output();
    for (const shown of ['/openapi', 'curl -i ', 'curl -X PATCH']) expect(guide).toContain(shown);
    expect(guide).toContain(`${service.url}/api/v1/orgs/1/products/1`);
    expect(service.logs.filter(({ level }) => level === 'error' || level === 'fatal')).toEqual([]);
  });
});

describe('at a signal', () => {
  test('requests under way are answered, new ones are refused, idle connections do not hold the end up', async () => {
    await using surroundings = await makeSurroundings();
    await using service = await startService(surroundings.env);
    const { hostname, port } = new URL(service.url);
    const idle = connect(Number(port), hostname);
    await new Promise((resolve) => idle.once('connect', resolve));

    const blocker = postgres(surroundings.database.url, { max: 1 });
    const held = Promise.withResolvers<void>();
    const locked = Promise.withResolvers<void>();
    const blocking = blocker.begin(async (tx) => {
      await tx`lock table products in access exclusive mode`;
      locked.resolve();
      await held.promise;
    });
    await locked.promise;
    const answer = service.fetch('/api/v1/orgs/1/products/1');
    const watcher = postgres(surroundings.database.url, { max: 1 });
    const waiting = () => watcher`
      select from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`;
    await until(async () => (await waiting()).length > 0, { what: 'the load to wait' });

    const ended = service.stop();
    await service.logged('shutdown');
    await until(
      () =>
        fetch(`${service.url}/livez`, { keepalive: false }).then(
          () => false,
          () => true,
        ),
      { what: 'new connections to be refused' },
    );
    held.resolve();
    await blocking;
    expect((await answer).status).toBe(200);
    expect(await ended).toBe(0);
    idle.destroy();
    await blocker.end();
    await watcher.end();
  });

  test('SIGINT is as good as SIGTERM, and comes twice with one key press: from the terminal, and from a runner', async () => {
    await using surroundings = await makeSurroundings();
    await using service = await startService(surroundings.env);
    process.kill(service.pid, 'SIGINT');
    await service.logged('shutdown');
    expect(await service.stop('SIGINT')).toBe(0);
    expect(service.logs).toContainEqual(expect.objectContaining({ event: 'shutdown', signal: 'SIGINT' }));
  });
});

describe('at a signal during the start', () => {
  test('the start is given up, and the process ends with 0', async () => {
    const DATABASE_URL = `postgres://user@127.0.0.1:${await freePort()}/shop`;
    const { status, output } = await runService({ DATABASE_URL }, [], { signalAt: 'database_waiting' });
    expect(status).toBe(0);
    expect(output).toContain('"shutdown"');
    expect(output).not.toMatch(/start_failed|listening/);
  });
});

describe('at a signal while the embedded database starts', () => {
  test('its start is cut short, though it would take seconds, and the process ends with 0', async () => {
    const { status, output } = await runService({}, [], { signalAt: 'database_starting', within: 30_000 });
    expect(status).toBe(0);
    expect(output).toContain('"shutdown"');
    expect(output).not.toMatch(/database_migrated|shutdown_timeout|start_failed|listening/);
  });
});

describe('a start that cannot be', () => {
  test('lists all that is wrong with the configuration and ends with 78', async () => {
    const { status, output } = await runService({
      PORT: 'http',
      REDIS_URL: 'redis://:secret@host:x',
      CACHE_TTL_NOTHING: '1m',
      LOG_LEVEL: 'loud',
    });
    expect(status).toBe(78);
    for (const name of ['PORT', 'REDIS_URL', 'CACHE_TTL_NOTHING', 'LOG_LEVEL']) expect(output).toContain(name);
    expect(output).not.toContain('secret');
    expect(output).not.toContain('listening');
  });

  test('says which migrations are pending when it may not apply them', async () => {
    await using database = await createDatabase();
    const { status, output } = await runService({ DATABASE_URL: database.url, MIGRATE: 'off' });
    expect(status).toBe(1);
    expectSentence(output, 'MIGRATE=off, and these migrations are pending: 001-catalog', 'bun run db:migrate');
  });

  test('says that its port is taken', async () => {
    await using surroundings = await makeSurroundings();
    await using service = await startService(surroundings.env);
    const { status, output } = await runService({ ...surroundings.env, PORT: new URL(service.url).port });
    expect(status).toBe(1);
    expectSentence(output, 'EADDRINUSE', 'set PORT');
  });

  test('waits for a database that is away, then says in one sentence what to do', async () => {
    const port = await freePort();
    const DATABASE_URL = `postgres://user:hunter2@127.0.0.1:${port}/shop`;
    const { status, output } = await runService({ DATABASE_URL, DATABASE_WAIT_MS: '300' }, [], { within: 20_000 });
    expect(status).toBe(69);
    expect(output).toContain('database_waiting');
    expectSentence(output, 'DATABASE_URL', `127.0.0.1:${port}/shop`, 'DATABASE_WAIT_MS');
    const debug = await runService({ DATABASE_URL, DATABASE_WAIT_MS: '0', LOG_LEVEL: 'debug' }, [], { within: 20_000 });
    expect([debug.status, debug.output.includes('"stack"')]).toEqual([69, true]);
    expect(output + debug.output).not.toContain('hunter2');
  });

  test('refuses a Redis of a kind that it cannot use, and everybody on an address of the network', async () => {
    const env = { REDIS_URL: 'redis+cluster://:hunter2@a:7000,b:7001', TIERCEL_PROFILE: 'test', HOST: '0.0.0.0' };
    const { status, output } = await runService(env);
    expect(status).toBe(78);
    expect(output.match(/^ {2}\w+.*$/gm)).toEqual([
      expect.stringMatching(/^ {2}REDIS_URL \(not shown\) must be .*Cluster are not supported yet$/),
      expect.stringMatching(/^ {2}AUTH=none with HOST="0\.0\.0\.0"/),
    ]);
    expect(output).not.toContain('hunter2');
  });
});

/** Checks that a start has failed with these words in its one sentence, and without a stack. */
function expectSentence(output: string, ...words: readonly string[]): void {
  const line = output.split('\n').find((text) => text.includes('"start_failed"')) ?? '';
  for (const word of words) expect(line).toContain(word);
  expect(line).not.toMatch(/stack|\bat \w+ \(|\.ts:/);
}

describe('the command line', () => {
  test('--help names every variable and starts nothing', async () => {
    const { status, output } = await runService({}, ['--help']);
    expect(status).toBe(0);
    for (const name of Object.keys(VARIABLES)) expect(output).toContain(name);
    for (const name of [
      'CACHE_TTL_PRODUCT',
      'CACHE_TTL_PRODUCTS_ORG',
      'CACHE_TTL_BOM',
      'CACHE_TTL_LP',
      'CACHE_TTL_USER_SESSION',
    ])
      expect(output).toContain(name);
  });

  test('takes nothing else', async () => {
    const { status, output } = await runService({}, ['--prot', '80']);
    expect(status).toBe(64);
    expect(output).toContain('Unknown argument "--prot"');
  });
});
