import type { InvalidationMode } from '../../core/model/invalidation.ts';
import type { EntryId } from '../../core/model/key.ts';
import { systemRandom } from '../../core/primitives/clock.ts';
import type { Connections } from './connection/connections.ts';
import type { Keyspace } from './protocol/keyspace.ts';
import { SCRIPTS } from './protocol/scripts.ts';

/** Keys that one step of a scan looks at, and about as many as one deletion names. */
const SCAN_COUNT = 500;

/** The entries that a sweep is about. */
export interface Swept {
  readonly generation: string;
  readonly namespace: string;
  readonly matches: (id: EntryId) => boolean;
}

/**
 * Removes or expires every entry of a generation for which `matches` says yes, whatever its shape, in bounded steps.
 * @returns how many records it touched.
 */
export async function sweepEntries(
  connections: Connections,
  keyspace: Keyspace,
  { generation, namespace, matches }: Swept,
  mode: InvalidationMode,
): Promise<number> {
  const pattern = keyspace.entriesPattern(namespace, generation);
  const isMeant = (key: string): boolean => {
    const id = keyspace.idOf(key, namespace, generation);
    return id !== undefined && matches(id);
  };
  let touched = 0;
  let cursor = '0';
  do {
    const [next, found] = await connections.send<[next: string, found: string[]]>((pipeline) =>
      pipeline.scan(cursor, 'MATCH', pattern, 'COUNT', SCAN_COUNT),
    );
    const keys = found.filter(isMeant);
    if (keys.length > 0) touched += await remove(connections, keys, mode);
    cursor = next;
  } while (cursor !== '0');
  return touched;
}

async function remove(connections: Connections, keys: readonly string[], mode: InvalidationMode): Promise<number> {
  if (mode === 'delete') return Number(await connections.send((pipeline) => pipeline.unlink(...keys)));
  return Number(await connections.run(SCRIPTS.expire, keys, [systemRandom.token()]));
}
