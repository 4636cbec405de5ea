import type { InvalidationMode, Targets } from '../model/invalidation.ts';
import { RemoteError, type RemoteTier, type Session } from '../ports/remote-tier.ts';
import type { CacheContext } from '../state/context.ts';
import { STEP_BUDGET_MS, type Sweep } from '../state/sweep.ts';

/** The number of names in one script call. A script blocks the whole server while it runs. */
const NAMES_PER_SCRIPT = 1_000;

/**
 * The time limit of one attempt of a sweep for a pattern, which walks over all keys. The next attempt continues at its
 * place.
 */
export const SWEEP_BUDGET_MS = 30_000;

/** An invalidation in the form in which L2 gets it. */
export interface Order {
  readonly targets: Targets;
  readonly mode: InvalidationMode;
  /** The sweep of its pattern. Absent without a pattern. */
  readonly sweep?: Sweep | undefined;
}

/**
 * Returns the time limit for telling L2 of an invalidation. `budgetMs` is the limit of an invalidation in one piece.
 */
export function deliveryBudget(targets: Targets, budgetMs: number): number {
  const told = budgetMs * piecesOf(targets);
  // A sweep watches its own time. The addition is for a tier that does not return from its last step.
  return targets.pattern === undefined ? told : told + SWEEP_BUDGET_MS + 2 * STEP_BUDGET_MS;
}

/**
 * Tells L2 of one invalidation, in pieces of limited size. The caller must have swept the entries of a pattern before.
 * Otherwise an instance that acts on the message could find old entries.
 * @param isRepair See {@link RemoteTier.invalidate}.
 * @throws the error of the tier; also when the server's history is not the session's, and nothing was done.
 */
export async function deliver(
  { instance }: Pick<CacheContext, 'instance'>,
  tier: RemoteTier,
  session: Session,
  { targets, mode, sweep }: Order,
  isRepair = false,
): Promise<void> {
  for (const piece of inPieces(targets)) {
    const reply = await tier.invalidate({ targets: piece, mode, origin: instance }, session, isRepair);
    if (reply.kind !== 'session-mismatch') continue;
    sweep?.beginAnew();
    throw otherHistory();
  }
}

/** The error for a caller whose session is not the server's history. */
export function otherHistory(): RemoteError {
  return new RemoteError('unavailable', 'L2 restarted or changed its generation since the last heartbeat');
}

/** Returns the number of pieces in which L2 is told of an invalidation. */
export function piecesOf(targets: Targets): number {
  return [...inPieces(targets)].length;
}

function* inPieces(targets: Targets): Generator<Targets> {
  const names = targets.ids.length + targets.tags.length;
  if (names <= NAMES_PER_SCRIPT) return yield targets;
  const { ids, tags, pattern } = targets;
  for (let at = 0; at < ids.length; at += NAMES_PER_SCRIPT)
    yield { ids: ids.slice(at, at + NAMES_PER_SCRIPT), tags: [] };
  for (let at = 0; at < tags.length; at += NAMES_PER_SCRIPT)
    yield { ids: [], tags: tags.slice(at, at + NAMES_PER_SCRIPT) };
  if (pattern !== undefined) yield { ids: [], tags: [], pattern };
}
