import type { InvalidationMode } from './invalidation.ts';

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
  /** When L2 could not be told: `reject` (the default), or `resolve` and go on delivering behind it. */
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
