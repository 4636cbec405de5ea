import { type Database, openDatabase } from '../../src/catalog/database.ts';
import { createCatalogDatabase } from '../support/catalog-database.ts';

/** A database with the sample catalog; closing it drops it. */
export interface SeededCatalog extends Database {
  /** How it is reached from other processes; `undefined` for the embedded one, which is not. */
  readonly url: string | undefined;
}

/** Milliseconds to wait for a database: PGlite takes some seconds to start, more on a busy machine. */
export const PATIENCE = 180_000;

/** Both databases that the service runs on: every statement must mean the same on either. */
export const CATALOGS = [
  ['PostgreSQL', openSeededPostgres],
  ['PGlite', openSeededPglite],
] as const;

/** The sample catalog on the shared PostgreSQL. */
export async function openSeededPostgres(): Promise<SeededCatalog> {
  const store = await createCatalogDatabase();
  const database = await openDatabase({ url: store.url });
  const close = async () => {
    await database.close();
    await store.drop();
  };
  return { ...database, url: store.url, close };
}

async function openSeededPglite(): Promise<SeededCatalog> {
  return { ...(await openDatabase()), url: undefined };
}
