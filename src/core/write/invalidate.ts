import { InvalidationPendingError } from '../model/errors.ts';
import type { InvalidationMode, Targets } from '../model/invalidation.ts';
import { ATTRIBUTE, SPAN } from '../model/telemetry-names.ts';
import { ignore } from '../primitives/quietly.ts';
import { TimeoutExceeded } from '../primitives/timeout.ts';
import type { CacheContext } from '../state/context.ts';
import { applyLocally } from './apply-locally.ts';
import { deliver, deliveryBudget, SWEEP_BUDGET_MS } from './deliver.ts';
import { type Recorded, type RecordedAs, record } from './record-in-outbox.ts';

/**
 * The time for which an order waits for contact with L2, after a start and after a rest. Afterwards it counts as
 * pending.
 */
export const CONTACT_MS = 1_000;

/**
 * Invalidates in this process, always and first, then in L2, which informs the other instances.
 * @param as Tells that the outbox holds it already, or need not hold it.
 * @returns the number of L2 records that a pattern touched.
 * @throws {@link InvalidationPendingError} when L2 or the outbox could not be told. The order is queued and retried. An
 *   order that only the outbox lacks shadows nothing in L2.
 */
export function invalidate(
  context: CacheContext,
  targets: Targets,
  mode: InvalidationMode,
  budgetMs: number,
  as?: RecordedAs,
): Promise<number> {
  const { l2, pending, tracer, name, background, clock, ending } = context;
  applyLocally(context, targets, mode);
  context.counters.invalidations += 1;
  context.recent.note(targets, 'here');
  context.emit({ type: 'invalidated', targets, origin: 'here' });
  const recorded = record(context, targets, mode, as);
  if (l2 === undefined) return tellFollowers(context, recorded);
  // From here to the acknowledgement, everything that the order names is a miss in L2 for this instance. Cleaning this
  // process and adding the order are one step, so no flight can read the old value in between.
  let toldIn: string | undefined;
  const order = pending.add(targets, mode, () => recorded.acknowledge(toldIn));
  const telling = tracer.trace(
    SPAN.invalidate,
    { [ATTRIBUTE.name]: name, [ATTRIBUTE.operation]: mode },
    async (span) => {
      const operation = {
        name: 'invalidate',
        budgetMs: deliveryBudget(targets, budgetMs),
        contactMs: CONTACT_MS,
      };
      const asked = await l2.tell(operation, async (tier, session) => {
        const limits = { until: clock.now() + SWEEP_BUDGET_MS, signal: ending };
        const isSwept = order.sweep === undefined || (await order.sweep.goOn(clock, tier, session, limits));
        if (isSwept) await deliver(context, tier, session, order);
        return { isSwept, epoch: session.epoch };
      });
      // A sweep that exceeds its budget is no failure of L2, which has answered every step.
      const told: Told =
        asked.ok && !asked.value.isSwept ? { ok: false, error: new TimeoutExceeded(SWEEP_BUDGET_MS) } : asked;
      if (asked.ok && told.ok) {
        toldIn = asked.value.epoch;
        pending.settle(order);
      } else pending.leave(order);

      const isWritten = await recorded.written;
      if (told.ok && isWritten) return order.sweep?.touched ?? 0;
      const error = owe(context, told, isWritten);
      span.fail(error);
      throw error;
    },
  );
  background.track(telling, ignore);
  return telling;
}

/** Without an L2, other instances learn of the invalidation only from the outbox. */
async function tellFollowers(context: CacheContext, { written, acknowledge }: Recorded): Promise<number> {
  if (!(await written)) throw owe(context, TOLD, false);
  acknowledge();
  return 0;
}

/** The outcome of telling L2. */
type Told = { readonly ok: true } | { readonly ok: false; readonly error: unknown };

const TOLD: Told = { ok: true };

/** Reports an order that L2 or the outbox has not acknowledged, and makes the error for its caller. */
export function owe(context: CacheContext, told: Told, isWritten: boolean): InvalidationPendingError {
  const summary = (context.recorder ?? context.pending).summary();
  const { keys, tags, all } = summary;
  context.emit({ type: 'invalidation_pending', keys, tags, all, outbox: !isWritten });
  const cause = told.ok ? context.recorder?.error : told.error;
  const owedTo = [...(told.ok ? [] : (['l2'] as const)), ...(isWritten ? [] : (['source'] as const))];
  return new InvalidationPendingError(summary, cause, owedTo);
}

/** The targets of an invalidation. Give at least one of the three. Lists may be empty. */
export interface InvalidateRequest {
  readonly keys?: readonly string[];
  readonly tags?: readonly string[];
  /**
   * A glob over the keys of this namespace: `*` any run of characters, `?` any one, `\` escapes. It scans L2, so its
   * cost grows with the size of L2.
   */
  readonly pattern?: string;
  /** `delete` removes entries; `expire` keeps them for `staleIfError`. Default `delete`. */
  readonly mode?: InvalidationMode;
}

export interface InvalidateOptions {
  /**
   * The result when L2 or the outbox could not be told. `reject` (default) rejects; `resolve` resolves. The cache
   * delivers the order later in both cases.
   */
  readonly onPending?: 'reject' | 'resolve';
  /**
   * With an outbox: the ticket under which the writer's own transaction has recorded the invalidation, or `false` when
   * the outbox need not hold it. By default the cache records it now. Without a record, a Redis that loses the
   * invalidation serves the old entries again.
   */
  readonly outbox?: string | false;
}

/**
 * The numbers of different keys and tags that an invalidation named. The L2 records that a pattern touched count as
 * keys.
 */
export interface InvalidateResult {
  readonly keys: number;
  readonly tags: number;
}
