import type { InvalidationMode } from '../../core/model/invalidation.ts';
import type { SweepRequest, SweptStep } from '../../core/ports/sweeps.ts';
import { systemRandom } from '../../core/primitives/clock.ts';
import type { Connections } from './connection/connections.ts';
import type { Keyspace } from './protocol/keyspace.ts';
import { SCRIPTS } from './protocol/scripts.ts';

/** Keys that one step looks at, and about as many as its deletion names. */
const KEYS_PER_STEP = 500;

/** Where a scan begins, and what it answers at its end. */
const EDGE = '0';

/** Does one step of {@link RemoteTier.sweep}: a scan, and the removal of the keys found, in every shape. */
export async function sweepEntries(
  connections: Connections,
  keyspace: Keyspace,
  { generation, namespace, matches, mode, cursor = EDGE }: SweepRequest,
): Promise<SweptStep> {
  const pattern = keyspace.entriesPattern(namespace, generation);
  const [next, found] = await connections.send<[next: string, found: string[]]>((pipeline) =>
    pipeline.scan(cursor, 'MATCH', pattern, 'COUNT', KEYS_PER_STEP),
  );
  const keys = found.filter((key) => {
    const id = keyspace.idOf(key, namespace, generation);
    return id !== undefined && matches(id);
  });
  const touched = keys.length === 0 ? 0 : await remove(connections, keys, mode);
  return next === EDGE ? { touched } : { touched, cursor: next };
}

async function remove(connections: Connections, keys: readonly string[], mode: InvalidationMode): Promise<number> {
  if (mode === 'delete') return Number(await connections.send((pipeline) => pipeline.unlink(...keys)));
  return Number(await connections.run(SCRIPTS.expire, keys, [systemRandom.token()]));
}
