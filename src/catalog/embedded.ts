import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PGlite } from '@electric-sql/pglite';
import { PGLiteSocketServer } from '@electric-sql/pglite-socket';

/** A Postgres inside this process that speaks the wire protocol on a private socket. */
export interface EmbeddedServer {
  /** The address for the `postgres` client. */
  readonly connection: { readonly path: string; readonly user: string; readonly database: string };
  /** Ends the server and forgets all data. Clients must have left. */
  stop(): Promise<void>;
}

/**
 * Sockets beside the one of the pool. PGlite cannot cancel: it ignores such a request, whose socket stays until the
 * client's connect timeout ends it.
 */
const MAX_SOCKETS = 16;

/**
 * Starts an empty PGlite in memory. It asks for no password, so it listens on a Unix socket in a folder that only this
 * user may enter.
 */
export async function startEmbedded(): Promise<EmbeddedServer> {
  const [db, folder] = await Promise.all([PGlite.create(), mkdtemp(join(tmpdir(), 'tiercel-pglite-'))]);
  const path = join(folder, 'postgres');
  const server = new PGLiteSocketServer({ db, path, maxConnections: MAX_SOCKETS });
  const stop = async () => {
    await server.stop();
    await db.close();
    await rm(folder, { recursive: true, force: true });
  };
  try {
    await server.start();
  } catch (error) {
    await stop();
    throw error;
  }
  return { connection: { path, user: 'postgres', database: 'postgres' }, stop };
}
