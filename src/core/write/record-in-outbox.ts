import type { InvalidationMode, Targets } from '../model/invalidation.ts';
import { namespaceTag } from '../model/key.ts';
import { within } from '../primitives/timeout.ts';
import type { Parts } from '../state/context.ts';

/** So long an invalidation waits for the outbox; then it goes on without a row of its own. */
const RECORD_MS = 1_000;

/** What the outbox holds of an invalidation: a ticket if it is there already, `false` if it need not be there. */
export type RecordedAs = string | false | undefined;

/** An invalidation in the outbox. */
export interface Recorded {
  /** Resolves once it is durable, with whether it is. Never rejects. */
  readonly written: Promise<boolean>;
  /** L2 has acknowledged it. */
  acknowledge(): void;
}

const NOT_NEEDED: Recorded = { written: Promise.resolve(true), acknowledge: () => {} };

/**
 * Sees to it that an invalidation is in the outbox, so that it is delivered even if this process is gone, and done again
 * when a history from before comes back. One that follows the change of a row is there already.
 */
export function record(parts: Parts, targets: Targets, mode: InvalidationMode, as: RecordedAs): Recorded {
  const { outbox, clock, emit } = parts;
  if (outbox === undefined || as === false) return NOT_NEEDED;
  if (as !== undefined)
    return { written: Promise.resolve(true), acknowledge: () => outbox.acknowledge(as, namesOf(targets)) };
  const named = withoutPattern(targets);
  // One that is written too late was not waited for, and stays: it is only delivered once more.
  const ticket = within(clock, RECORD_MS, outbox.record(named, mode)).catch((error: unknown) => {
    emit({ type: 'tier_failure', error, operation: 'record', tier: 'source', background: false });
    return undefined;
  });
  return {
    written: ticket.then((given) => given !== undefined),
    acknowledge: () =>
      parts.background.track(
        ticket.then((given) => (given === undefined ? undefined : outbox.acknowledge(given, named))),
      ),
  };
}

/** A pattern in the outbox is its whole namespace: to be delivered or repeated only when something went wrong. */
export function withoutPattern({ ids, tags, pattern }: Targets): Targets {
  return pattern === undefined ? { ids, tags } : { ids, tags: [...tags, namespaceTag(pattern.namespace)] };
}

/** What was named one by one; what a pattern has met nobody knows. */
function namesOf({ ids, tags }: Targets): Targets {
  return { ids, tags };
}
