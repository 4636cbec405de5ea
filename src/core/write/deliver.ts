import type { InvalidationMode, Targets } from '../model/invalidation.ts';
import { RemoteError, type RemoteTier, type Session } from '../ports/remote-tier.ts';
import type { CacheContext } from '../state/context.ts';
import { STEP_BUDGET_MS, type Sweep } from '../state/sweep.ts';

/** Names in one script call: a script holds up the whole server while it runs. */
const NAMES_PER_SCRIPT = 1_000;

/** A sweep for a pattern is as long as the key space. For so long one attempt goes on; the next one takes up its place. */
export const SWEEP_BUDGET_MS = 30_000;

/** An invalidation as L2 is told of it. */
export interface Order {
  readonly targets: Targets;
  readonly mode: InvalidationMode;
  /** Of a pattern. */
  readonly sweep?: Sweep | undefined;
}

/** How long L2 may take to be told of an invalidation for which one in a single piece has `budgetMs`. */
export function deliveryBudget(targets: Targets, budgetMs: number): number {
  const told = budgetMs * piecesOf(targets);
  // A sweep watches its own time, so this is for a tier that does not come back from its last step.
  return targets.pattern === undefined ? told : told + SWEEP_BUDGET_MS + 2 * STEP_BUDGET_MS;
}

/**
 * Tells L2 of one invalidation, in pieces that it can take. The entries that a pattern names must have been swept before, so
 * that an instance that acts on the message finds nothing old.
 * @param isRepair See {@link RemoteTier.invalidate}.
 * @throws what the tier rejects with; also when the server's history is not the session's, and nothing was done.
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

/** What a caller is told when the server's history is not the one that it believed in. */
export function otherHistory(): RemoteError {
  return new RemoteError('unavailable', 'L2 has another history than the one last heard of');
}

/** In how many pieces L2 is told of it. */
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
