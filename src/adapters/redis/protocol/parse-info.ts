import type { RemoteInfo } from '../../../core/ports/server-info.ts';

/**
 * The sections of `INFO` that one command asks for. `server` comes first: a right to `info|server`, with which other things
 * are found out, is a right to a command that begins like this.
 */
export const INFO_SECTIONS = [
  'server',
  'memory',
  'stats',
  'clients',
  'persistence',
  'keyspace',
  'commandstats',
] as const;

/** More than any server has: names of commands come from outside, and what is kept of them is bounded. */
const MOST_COMMANDS = 1_000;

const COMMAND = 'cmdstat_';

/**
 * Reads the answer to `INFO`. What is missing, or no number, counts as 0, a missing limit as none, and a missing status as
 * good; what is not known is passed over. Never throws.
 * @param database Number of the database whose keys count.
 */
export function parseInfo(text: string, database: number): RemoteInfo {
  const fields = fieldsOf(text);
  const number = (name: string): number => numberOf(fields.get(name));
  const isGood = (name: string): boolean => (fields.get(name) ?? 'ok') === 'ok';
  const hits = number('keyspace_hits');
  const misses = number('keyspace_misses');
  return {
    version: fields.get('valkey_version') ?? fields.get('redis_version') ?? 'unknown',
    uptimeMs: number('uptime_in_seconds') * 1_000,
    keys: numberOf(partsOf(fields.get(`db${database}`)).get('keys')),
    memory: {
      usedBytes: number('used_memory'),
      peakBytes: number('used_memory_peak'),
      limitBytes: number('maxmemory') || Infinity,
      fragmentationRatio: number('mem_fragmentation_ratio'),
      evictionPolicy: fields.get('maxmemory_policy') ?? 'unknown',
    },
    commands: {
      perSecond: number('instantaneous_ops_per_sec'),
      hits,
      misses,
      hitRate: hits + misses === 0 ? 0 : hits / (hits + misses),
      evictedKeys: number('evicted_keys'),
      expiredKeys: number('expired_keys'),
      byName: commandsOf(fields),
    },
    clients: {
      connected: number('connected_clients'),
      blocked: number('blocked_clients'),
      rejected: number('rejected_connections'),
    },
    persistence: {
      lastSaveAt: number('rdb_last_save_time') * 1_000,
      changesSinceSave: number('rdb_changes_since_last_save'),
      lastSaveOk: isGood('rdb_last_bgsave_status'),
      aofEnabled: number('aof_enabled') === 1,
      aofOk: isGood('aof_last_write_status') && isGood('aof_last_bgrewrite_status'),
    },
  };
}

/** `name:value`, a line each; headings and blank lines have no colon. */
function fieldsOf(text: string): Map<string, string> {
  return pairsOf(text.split(/\r?\n/), ':');
}

/** `calls=1,usec=8`, as the fields of commands and databases are. */
function partsOf(value: string | undefined): Map<string, string> {
  return pairsOf((value ?? '').split(','), '=');
}

function pairsOf(texts: readonly string[], separator: string): Map<string, string> {
  const pairs = new Map<string, string>();
  for (const text of texts) {
    const at = text.indexOf(separator);
    if (at > 0) pairs.set(text.slice(0, at), text.slice(at + 1));
  }
  return pairs;
}

function commandsOf(fields: ReadonlyMap<string, string>): RemoteInfo['commands']['byName'] {
  const statistics = [...fields].filter(([name]) => name.startsWith(COMMAND)).slice(0, MOST_COMMANDS);
  // Defines each name anew, `__proto__` included.
  return Object.fromEntries(
    statistics.map(([name, value]) => {
      const parts = partsOf(value);
      const number = (part: string): number => numberOf(parts.get(part));
      const commands = {
        calls: number('calls'),
        meanMicros: number('usec_per_call'),
        failed: number('failed_calls'),
        rejected: number('rejected_calls'),
      };
      return [name.slice(COMMAND.length), commands];
    }),
  );
}

/** None of the figures can be below 0. */
function numberOf(text: string | undefined): number {
  const number = Number(text ?? '');
  return Number.isFinite(number) && number > 0 ? number : 0;
}
