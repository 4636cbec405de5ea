import { openDatabase } from '../../src/catalog/database.ts';
import { migrate } from '../../src/catalog/migrate.ts';
import { seed } from '../../src/catalog/seed.ts';
import { createDatabase, type TestDatabase } from './postgres-server.ts';
import { runEnd } from './run-end.ts';

let template: Promise<TestDatabase> | undefined;

/**
 * Creates a database with the sample catalog: on the PostgreSQL that all tests share, a copy of one that this process
 * fills once, or on the server whose URL is given.
 */
export async function createCatalogDatabase(serverUrl?: string): Promise<TestDatabase> {
  if (serverUrl !== undefined) return filled(await createDatabase(serverUrl));
  template ??= createDatabase().then((database) => filled(runEnd.use(database)));
  return createDatabase(undefined, (await template).name);
}

async function filled(database: TestDatabase): Promise<TestDatabase> {
  const { sql, close } = await openDatabase({ url: database.url, pool: 1 });
  try {
    await migrate(sql);
    await seed(sql);
  } finally {
    await close();
  }
  return database;
}
