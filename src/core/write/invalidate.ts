import { InvalidationPendingError } from '../model/errors.ts';
import type { InvalidationMode, Targets } from '../model/invalidation.ts';
import { ATTRIBUTE, SPAN } from '../model/telemetry-names.ts';
import { ignore } from '../primitives/quietly.ts';
import { TimeoutExceeded } from '../primitives/timeout.ts';
import type { CacheContext } from '../state/context.ts';
import { applyLocally } from './apply-locally.ts';
import { deliver, deliveryBudget, SWEEP_BUDGET_MS } from './deliver.ts';
import { type Recorded, type RecordedAs, record } from './record-in-outbox.ts';

/** After the start and after a rest, an order waits so long for contact with L2 before it counts as pending. */
export const CONTACT_MS = 1_000;

/**
 * Invalidates: this process first and in any case, then L2 and through it everybody else.
 * @param as Whether, and as what, the outbox holds it already.
 * @returns how many L2 records a pattern touched.
 * @throws {@link InvalidationPendingError} when L2 or the outbox could not be told. The order is kept and repeated. One that
 *   only the outbox lacks shadows nothing in L2.
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
  // From here to the acknowledgement, what the order names is a miss in L2 for this instance. Since the cleaning and
  // this line are one step, no flight can have read the old value in between.
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
      // A sweep that is not done within its budget is no failure of L2, which has answered all the while.
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

/** Without an L2, others can only learn of it from the outbox. */
async function tellFollowers(context: CacheContext, { written, acknowledge }: Recorded): Promise<number> {
  if (!(await written)) throw owe(context, TOLD, false);
  acknowledge();
  return 0;
}

/** What came of telling L2. */
type Told = { readonly ok: true } | { readonly ok: false; readonly error: unknown };

const TOLD: Told = { ok: true };

/** Tells observers of an order that L2 or the outbox has not taken, and makes the error for its caller. */
export function owe(context: CacheContext, told: Told, isWritten: boolean): InvalidationPendingError {
  const summary = (context.recorder ?? context.pending).summary();
  const { keys, tags, all } = summary;
  context.emit({ type: 'invalidation_pending', keys, tags, all, outbox: !isWritten });
  const cause = told.ok ? context.recorder?.error : told.error;
  const owedTo = [...(told.ok ? [] : (['l2'] as const)), ...(isWritten ? [] : (['source'] as const))];
  return new InvalidationPendingError(summary, cause, owedTo);
}

/** What to invalidate. At least one of the three; lists may be empty. */
export interface InvalidateRequest {
  readonly keys?: readonly string[];
  readonly tags?: readonly string[];
  /** A glob over this namespace's keys: `*` any run, `?` any one, `\` escapes. Scans L2, so it costs its size. */
  readonly pattern?: string;
  /** Default `delete`. */
  readonly mode?: InvalidationMode;
}

export interface InvalidateOptions {
  /** When L2 or the outbox could not be told: `reject` (the default), or `resolve` and go on delivering behind it. */
  readonly onPending?: 'reject' | 'resolve';
  /**
   * With an outbox: the ticket under which the writer's own transaction has written it down, or `false` when it need not
   * be there. Default: it is written down now, since nothing else would bring it back after Redis has lost it.
   */
  readonly outbox?: string | false;
}

/** How many different ones an invalidation named; for a pattern, the L2 records that it touched count as keys. */
export interface InvalidateResult {
  readonly keys: number;
  readonly tags: number;
}
