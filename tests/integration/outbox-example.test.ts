import { expect, setDefaultTimeout, test } from 'bun:test';
import { resolve } from 'node:path';
import postgres from 'postgres';
import { spawnChild } from '../support/child.ts';
import { createDatabase } from '../support/postgres-server.ts';
import { sharedRedis } from '../support/redis-server.ts';
import { SERVERS_TIME_LIMIT_MS } from '../support/time-limit.ts';

setDefaultTimeout(SERVERS_TIME_LIMIT_MS);

test('the example shows two instances that know of every change, and leaves nothing behind', async () => {
  await using database = await createDatabase();
  const child = spawnChild({
    name: 'the example',
    command: [process.execPath, 'examples/outbox/main.ts'],
    cwd: resolve(import.meta.dirname, '../..'),
    env: { DATABASE_URL: database.url, REDIS_URL: await sharedRedis() },
  });
  expect([await child.exited, child.output()]).toEqual([
    0,
    [
      'at first: instance 1 says {"title":"The Disposessed","stars":null} from source',
      'at first: instance 2 says {"title":"The Disposessed","stars":null} from l2',
      'after an UPDATE of the book: instance 1 says {"title":"The Dispossessed","stars":null} from source',
      'after an UPDATE of the book: instance 2 says {"title":"The Dispossessed","stars":null} from l2',
      'after an INSERT of a review: instance 1 says {"title":"The Dispossessed","stars":5} from source',
      'after an INSERT of a review: instance 2 says {"title":"The Dispossessed","stars":5} from l2',
      '',
    ].join('\n'),
  ]);
  const sql = postgres(database.url, { max: 1 });
  const schemas = await sql`select from pg_namespace where nspname like 'tiercel%'`;
  await sql.end();
  expect(schemas).toHaveLength(0);
});
