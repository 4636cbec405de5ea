import { spyOn } from 'bun:test';
import { PGlite } from '@electric-sql/pglite';
import { type Database, openDatabase } from '../../src/catalog/database.ts';

let files: Promise<Blob | File> | undefined;

/**
 * Opens an embedded database with the sample catalog. Making its files takes some seconds of a processor, so they are made
 * once in this process: every database begins with a copy of them.
 */
export async function openEmbedded(): Promise<Database> {
  files ??= makeFiles();
  return openOn(await PGlite.create({ loadDataDir: await files }));
}

async function makeFiles(): Promise<Blob | File> {
  const db = await PGlite.create();
  const database = await openOn(db);
  try {
    return await db.dumpDataDir('none');
  } finally {
    await database.close();
  }
}

/** Opens the embedded database of the catalog on this PGlite instead of a new one. */
function openOn(db: PGlite): Promise<Database> {
  const create = spyOn(PGlite, 'create').mockResolvedValue(db);
  try {
    // It asks for its PGlite before it waits for anything.
    return openDatabase();
  } finally {
    create.mockRestore();
  }
}
