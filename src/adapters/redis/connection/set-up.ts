import type { Redis } from 'ioredis';
import { RemoteError } from '../../../core/ports/remote-tier.ts';
import { toRemoteError } from './failure.ts';

/**
 * Makes sure that a connection works in its database. ioredis goes on in database 0 when its own `SELECT` fails, so every
 * connection asks again before it is used. Database 0 needs no asking, and no right to ask.
 * @throws {@link RemoteError} `denied` when the server refuses.
 */
export async function selectDatabase(client: Redis, database: number): Promise<void> {
  if (database === 0) return;
  try {
    await client.select(database);
  } catch (error) {
    const { failure, message } = toRemoteError(error);
    if (failure === 'unavailable') throw error;
    throw new RemoteError('denied', `Redis does not give us database ${database}: ${message}`, { cause: error });
  }
}

/** True when a client reports that its own `SELECT` failed, which {@link selectDatabase} finds out and says in full. */
export function isOfSelect(error: unknown): boolean {
  if (!(error instanceof Error) || !('command' in error)) return false;
  const { command } = error;
  return typeof command === 'object' && command !== null && 'name' in command && command.name === 'select';
}

/** Names a connection of ours in `CLIENT LIST`. It counts from the next connection on. */
export function nameConnection(client: Redis, namespace: string, role: 'data' | 'bus' | 'evictions'): void {
  client.options.connectionName = `tiercel:${namespace}:${role}`;
}
