import type { InvalidationMode, Targets } from '../model/invalidation.ts';
import { namespaceTag } from '../model/key.ts';

import type { Outbox } from '../ports/outbox.ts';

import type { CacheContext } from '../state/context.ts';

/**
 * The state of an invalidation in the outbox: its ticket when it is there, `false` when it need not be there.
 * `undefined` when it is to be recorded now.
 */
export type RecordedAs = string | false | undefined;

/** An invalidation in the outbox. */
export interface Recorded {
  /**
   * Resolves with true when it is durable. `false`: it is queued and retried until the outbox takes it. Never rejects.
   */
  readonly written: Promise<boolean>;
  /** Takes note that L2 has acknowledged it. @param epoch The epoch of the acknowledgement, if it is known. */
  readonly acknowledge: (epoch?: string) => void;
}

const NOT_NEEDED: Recorded = { written: Promise.resolve(true), acknowledge: () => {} };

/**
 * Records an invalidation in the outbox. It is then delivered even when this process ends, and repeated when an older
 * history comes back. An invalidation that follows the change of a row is there already.
 */
export function record(context: CacheContext, targets: Targets, mode: InvalidationMode, as: RecordedAs): Recorded {
  const { outbox, recorder } = context;
  if (outbox === undefined || recorder === undefined || as === false) return NOT_NEEDED;
  if (as !== undefined)
    return { written: Promise.resolve(true), acknowledge: () => acknowledge(context, outbox, as, namesOf(targets)) };
  const order = recorder.add(withoutPattern(targets), mode);
  return { written: order.written, acknowledge: (epoch) => recorder.acknowledge(order, epoch) };
}

/** Marks the row as delivered. An acknowledgement that the outbox misses only causes one more delivery. */
function acknowledge({ emit }: CacheContext, outbox: Outbox, ticket: string, targets: Targets): void {
  try {
    outbox.acknowledge(ticket, targets);
  } catch (error) {
    emit({ type: 'tier_failure', error, operation: 'acknowledge', tier: 'source', background: true });
  }
}

/**
 * Replaces a pattern by the tag of its namespace. The relay delivers the row only when something went wrong, and ends
 * the whole namespace then.
 */
function withoutPattern({ ids, tags, pattern }: Targets): Targets {
  return pattern === undefined ? { ids, tags } : { ids, tags: [...tags, namespaceTag(pattern.namespace)] };
}

/** Returns the keys and tags. The entries that a pattern met are not known. */
function namesOf({ ids, tags }: Targets): Targets {
  return { ids, tags };
}
