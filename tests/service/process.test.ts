import { describe, expect, setDefaultTimeout, test } from 'bun:test';
import { connect } from 'node:net';
import postgres from 'postgres';
import { VARIABLES } from '../../src/service/config/variables.ts';
import { until } from '../../src/testing/until.ts';
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

  test('SIGINT is as good as SIGTERM', async () => {
    await using surroundings = await makeSurroundings();
    await using service = await startService(surroundings.env);
    expect(await service.stop('SIGINT')).toBe(0);
    expect(service.logs).toContainEqual(expect.objectContaining({ event: 'shutdown', signal: 'SIGINT' }));
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
    expect(output).toContain('MIGRATE=off, and these migrations are pending: 001-catalog');
  });

  test('says that its port is taken', async () => {
    await using surroundings = await makeSurroundings();
    await using service = await startService(surroundings.env);
    const { status, output } = await runService({ ...surroundings.env, PORT: new URL(service.url).port });
    expect(status).toBe(1);
    expect(output).toContain('EADDRINUSE');
  });
});

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
