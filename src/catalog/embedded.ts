import { rmSync } from 'node:fs';
import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';

/** A Postgres inside this process that speaks the wire protocol on a private socket. */
export interface EmbeddedServer {
  /** The address for the `postgres` client. */
  readonly connection: { readonly path: string; readonly user: string; readonly database: string };
  /** Ends the server and forgets all data. Clients must have left. */
  stop(): Promise<void>;
}

/**
 * Starts an empty PGlite in memory, in a thread of its own: it takes seconds, and this thread must hear signals meanwhile. It
 * asks for no password, so it listens on a Unix socket in a folder that only this user may enter.
 * @param signal Ends the start. Nothing of it is left then.
 * @throws The signal's reason, or what keeps the database from starting.
 */
export async function startEmbedded(signal?: AbortSignal): Promise<EmbeddedServer> {
  signal?.throwIfAborted();
  const folder = await mkdtemp(join(tmpdir(), 'tiercel-pglite-'));
  const path = join(folder, 'postgres');
  const worker = new Worker(new URL('./embedded-worker.ts', import.meta.url), { workerData: path });
  // Also where the process is ended in mid-start.
  const removeFolder = (): void => rmSync(folder, { recursive: true, force: true });
  process.once('exit', removeFolder);
  const stop = async () => {
    await worker.terminate();
    process.off('exit', removeFolder);
    removeFolder();
  };
  try {
    await untilListening(worker, signal);
  } catch (error) {
    await stop();
    throw error;
  }
  return { connection: { path, user: 'postgres', database: 'postgres' }, stop };
}

function untilListening(worker: Worker, signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve, reject) => {
    const abort = (): void => reject(signal?.reason);
    signal?.addEventListener('abort', abort, { once: true });
    worker.once('message', () => {
      signal?.removeEventListener('abort', abort);
      resolve();
    });
    // A later error of the thread has no listener else, and would end the process by itself: its clients see it as lost.
    worker.on('error', reject);
    worker.once('exit', (code) => reject(new Error(`its thread ended (${code})`)));
  });
}
