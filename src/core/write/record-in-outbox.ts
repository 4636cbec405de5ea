import type { InvalidationMode, Targets } from '../model/invalidation.ts';
import { namespaceTag } from '../model/key.ts';

import type { Outbox } from '../ports/outbox.ts';

import type { CacheContext } from '../state/context.ts';

/** What the outbox holds of an invalidation: a ticket if it is there already, `false` if it need not be there. */
export type RecordedAs = string | false | undefined;

/** An invalidation in the outbox. */
export interface Recorded {
  /** Resolves with whether it is durable; `false`: it is owed to the outbox. Never rejects. */
  readonly written: Promise<boolean>;
  /** L2 has acknowledged it. @param epoch The history in which it has, where that is known. */
  readonly acknowledge: (epoch?: string) => void;
}

const NOT_NEEDED: Recorded = { written: Promise.resolve(true), acknowledge: () => {} };

/**
 * Sees to it that an invalidation is in the outbox, so that it is delivered even if this process is gone, and done again
 * when a history from before comes back. One that follows the change of a row is there already.
 */
export function record(context: CacheContext, targets: Targets, mode: InvalidationMode, as: RecordedAs): Recorded {
  const { outbox, recorder } = context;
  if (outbox === undefined || recorder === undefined || as === false) return NOT_NEEDED;
  if (as !== undefined)
    return { written: Promise.resolve(true), acknowledge: () => acknowledge(context, outbox, as, namesOf(targets)) };
  const order = recorder.add(withoutPattern(targets), mode);
  return { written: order.written, acknowledge: (epoch) => recorder.acknowledge(order, epoch) };
}

/** What the outbox does not take note of is only delivered once more. */
function acknowledge({ emit }: CacheContext, outbox: Outbox, ticket: string, targets: Targets): void {
  try {
    outbox.acknowledge(ticket, targets);
  } catch (error) {
    emit({ type: 'tier_failure', error, operation: 'acknowledge', tier: 'source', background: true });
  }
}

/** A pattern in the outbox is its whole namespace: to be delivered or repeated only when something went wrong. */
function withoutPattern({ ids, tags, pattern }: Targets): Targets {
  return pattern === undefined ? { ids, tags } : { ids, tags: [...tags, namespaceTag(pattern.namespace)] };
}

/** What was named one by one; what a pattern has met nobody knows. */
function namesOf({ ids, tags }: Targets): Targets {
  return { ids, tags };
}
