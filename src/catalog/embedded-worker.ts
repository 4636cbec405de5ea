import { parentPort, workerData } from 'node:worker_threads';
import { PGlite } from '@electric-sql/pglite';
import { PGLiteSocketServer } from '@electric-sql/pglite-socket';

/**
 * Sockets beside the one of the pool. PGlite cannot cancel: it ignores such a request, whose socket stays until the
 * client's connect timeout ends it.
 */
const MAX_SOCKETS = 16;

/**
 * The thread of the embedded database. PGlite holds its thread up for seconds while it makes the empty database, and for
 * as long as each query takes. `workerData` is the path of the socket, and the message `listening` says that it is there.
 */
const db = await PGlite.create();
const server = new PGLiteSocketServer({ db, path: String(workerData), maxConnections: MAX_SOCKETS });
await server.start();
parentPort?.postMessage('listening');
