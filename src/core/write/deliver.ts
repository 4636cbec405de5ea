import { type InvalidationMode, patternMatcher, type Targets } from '../model/invalidation.ts';
import { RemoteError, type RemoteTier, type Session } from '../ports/remote-tier.ts';
import { BudgetExceeded, within } from '../primitives/timeout.ts';
import type { Parts } from '../state/context.ts';

/** Names in one script call: a script holds up the whole server while it runs. */
const NAMES_PER_SCRIPT = 1_000;

/** A sweep for a pattern is as long as the key space, but not without end. */
const SWEEP_BUDGET_MS = 30_000;

/** How long L2 may take to be told of an invalidation for which one in a single piece has `budgetMs`. */
export function deliveryBudget(targets: Targets, budgetMs: number): number {
  if (targets.pattern !== undefined) return Math.max(SWEEP_BUDGET_MS, budgetMs);
  return budgetMs * piecesOf(targets);
}

/**
 * Tells L2 of one invalidation, in pieces that it can take.
 * @param isRepair See {@link RemoteTier.invalidate}.
 * @returns how many records a pattern touched.
 * @throws what the tier rejects with; also when the server's history is not the session's, and nothing was done.
 */
export async function deliver(
  parts: Pick<Parts, 'instance'>,
  tier: RemoteTier,
  session: Session,
  targets: Targets,
  mode: InvalidationMode,
  isRepair = false,
): Promise<number> {
  let swept = 0;
  const pattern = targets.pattern;
  if (pattern !== undefined) {
    // Records first, message after: whoever acts on the message finds nothing old left.
    swept = await tier.sweep(session.generation, pattern.namespace, patternMatcher(targets), mode);
  }
  for (const piece of inPieces(targets)) {
    const reply = await tier.invalidate({ targets: piece, mode, origin: parts.instance }, session, isRepair);
    if (reply.kind === 'session-mismatch') throw otherHistory();
  }
  return swept;
}

/** What a caller is told when the server's history is not the one that it believed in. */
export function otherHistory(): RemoteError {
  return new RemoteError('unavailable', 'L2 has another history than the one last heard of');
}

/**
 * Delivers everything that is pending and that nobody is delivering, oldest first. An order that L2 refuses stays pending,
 * and goes on to stand in for L2 about what it names. It holds up none of the others, nor the use of L2.
 * @throws what the tier rejects with when it is away; what was not delivered stays pending.
 */
export async function deliverAll(parts: Parts, tier: RemoteTier, session: Session, budgetMs: number): Promise<void> {
  const orders = parts.pending.waiting();
  if (orders.length === 0) return;
  let areAllDelivered = true;
  for (const order of orders) {
    const { targets, mode } = order;
    try {
      const delivery = deliver(parts, tier, session, targets, mode);
      await within(parts.clock, deliveryBudget(targets, budgetMs), delivery);
      parts.pending.settle(order);
    } catch (error) {
      if (isAway(error)) throw error;
      areAllDelivered = false;
      if (!order.wasRefused)
        parts.emit({ type: 'tier_failure', error, operation: 'invalidate', tier: 'l2', background: true });
      order.wasRefused = true;
    }
  }
  if (areAllDelivered) parts.emit({ type: 'invalidation_delivered' });
}

/** Whether the next order would fare no better. */
function isAway(error: unknown): boolean {
  return error instanceof BudgetExceeded || (error instanceof RemoteError && error.failure === 'unavailable');
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
