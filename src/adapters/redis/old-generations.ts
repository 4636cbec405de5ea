import type { Session, SessionMismatch, SweptOthers } from '../../core/ports/remote-tier.ts';
import { CLAIM_MS, KEYS_PER_STEP } from '../../core/ports/sweep-steps.ts';
import type { Connections } from './connection/connections.ts';
import { escapePattern, type Keyspace } from './protocol/keyspace.ts';
import { SCRIPTS } from './protocol/scripts.ts';

/** A sweep that is done need not be done again in its generation: 30 days. */
const DONE_MS = 30 * 24 * 60 * 60 * 1_000;

/** One step of {@link RemoteTier.sweepOthers}: a scan, and a script that removes what it has found. */
export async function sweepOthers(
  connections: Connections,
  keys: Keyspace,
  { epoch, generation }: Session,
  { holder, cursor = '0' }: { readonly holder: string; readonly cursor: string | undefined },
): Promise<SweptOthers | SessionMismatch> {
  const [next, found] = await connections.send<[next: string, found: string[]]>((pipeline) =>
    pipeline.scan(cursor, 'MATCH', `${escapePattern(`${keys.bucket}:`)}[ert]:*`, 'COUNT', KEYS_PER_STEP),
  );
  const isDone = next === '0';
  const others = found.filter((key) => {
    const of = keys.generationOf(key);
    return of !== undefined && of !== generation;
  });
  const removed = await connections.run(
    SCRIPTS.sweepOthers,
    [keys.history, keys.sweep(generation), ...others],
    [epoch, generation, holder, isDone ? DONE_MS : CLAIM_MS, DONE_MS],
  );
  if (removed === null) return { kind: 'session-mismatch' };
  if (Number(removed) < 0) return { kind: 'elsewhere' };
  return { kind: 'done', removed: Number(removed), ...(!isDone && { cursor: next }) };
}
