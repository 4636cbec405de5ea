import type { Redis } from 'ioredis';
import { InvalidOptionError } from '../../core/model/errors.ts';
import type { ClientSettings } from './options.ts';

/**
 * Reads from a client where its server is and who asks it: all other options are about the client itself. Nothing is sent
 * on it, and no listener is added. It may be closed already, or close later.
 * @throws {@link InvalidOptionError} naming `client`, when its options do not lead to one server.
 */
export function placeOf(client: Redis): ClientSettings {
  assertOneServer(client);
  const { host = 'localhost', port = 6_379, family, path, tls, username, password } = client.options;
  const address = path ? { path } : { host, port, ...(family !== undefined && { family }) };
  return { ...address, ...(tls && { tls }), username, password, db: databaseOf(client) };
}

/** The database that the client has selected counts, not the one that its options name. */
function databaseOf(client: Redis): number {
  // A client that is connecting again selects the database of before when it is ready, and keeps it here meanwhile.
  const before: unknown = Reflect.get(client, 'prevCondition');
  const selected = selectedIn(before) ?? selectedIn(client.condition);
  return selected ?? client.options.db ?? 0;
}

function selectedIn(condition: unknown): number | undefined {
  const isKnown = typeof condition === 'object' && condition !== null && 'select' in condition;
  return isKnown && typeof condition.select === 'number' ? condition.select : undefined;
}

function assertOneServer({ isCluster, options }: Redis): void {
  if (isCluster) refuse('a Cluster', 'redis+cluster://host:port,host:port', 'Cluster');
  if (options.sentinels) refuse('a client of Sentinel', 'redis+sentinel://host:port,host:port/master', 'Sentinel');
  const { Connector, keyPrefix } = options;
  if (Connector !== undefined)
    throw new InvalidOptionError('client.Connector', 'a class', 'unset; Tiercel connects by host and port, or by path');
  if (keyPrefix) throw new InvalidOptionError('client.keyPrefix', keyPrefix, 'unset; use the namespace option');
}

function refuse(given: string, url: string, topology: string): never {
  const wanted = `a client of one server. ${topology} is named by its URL, ${url}, which this version does not support yet`;
  throw new InvalidOptionError('client', given, wanted);
}
