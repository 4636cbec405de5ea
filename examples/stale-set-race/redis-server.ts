import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** A Redis for the example. */
export interface ExampleRedis extends AsyncDisposable {
  readonly url: string;
}

/** No Redis is available. The message names the remedy. */
export class NoRedisError extends Error {
  override readonly name = 'NoRedisError';
}

const START_MS = 5_000;

/**
 * Returns the Redis at `url`, or starts one for this run from the `redis-server` on the PATH.
 *
 * @throws {@link NoRedisError} when neither is there.
 */
export async function obtainRedis(url: string | undefined): Promise<ExampleRedis> {
  if (url) return { url, async [Symbol.asyncDispose]() {} };
  const folder = await mkdtemp(join(tmpdir(), 'stale-set-race-'));
  const port = await freePort();
  const command = ['--port', String(port), '--bind', '127.0.0.1', '--save', '', '--appendonly', 'no', '--dir', folder];
  const server = spawn('redis-server', command, { stdio: ['ignore', 'pipe', 'inherit'] });
  try {
    await ready(server);
  } catch (error) {
    server.kill();
    await rm(folder, { recursive: true });
    throw error;
  }
  return {
    url: `redis://127.0.0.1:${port}`,
    async [Symbol.asyncDispose]() {
      const ended = once(server, 'exit');
      server.kill();
      await ended;
      await rm(folder, { recursive: true });
    },
  };
}

function ready(server: ChildProcess): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const timer = setTimeout(
    () => reject(new NoRedisError(`redis-server was not ready within ${START_MS} ms.`)),
    START_MS,
  );
  let printed = '';
  server.stdout?.on('data', (bytes: Buffer) => {
    printed += bytes.toString();
    if (printed.includes('Ready to accept connections')) resolve();
  });
  server.once('exit', () => reject(new NoRedisError(`redis-server ended at once and said:\n${printed}`)));
  server.once('error', () =>
    reject(new NoRedisError('This needs a Redis: install redis-server (7.0 or newer), or set REDIS_URL.')),
  );
  return promise.finally(() => clearTimeout(timer));
}

async function freePort(): Promise<number> {
  const probe = createServer().listen(0, '127.0.0.1');
  await once(probe, 'listening');
  const address = probe.address();
  probe.close();
  if (address === null || typeof address === 'string') throw new NoRedisError('There is no free port.');
  return address.port;
}
