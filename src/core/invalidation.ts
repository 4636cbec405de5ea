import type { EntryId } from './key.ts';

/** What an invalidation names. Empty lists are allowed. Everything there is, is the root namespace's tag. */
export interface Targets {
  readonly ids: readonly EntryId[];
  readonly tags: readonly EntryId[];
  readonly pattern?: PatternTarget | undefined;
}

/** A glob (`*`, `?`) over the logical keys of one namespace; `namespace` is `''` for the root. */
export interface PatternTarget {
  readonly namespace: string;
  readonly glob: string;
}

/** `delete`: gone. `expire`: stale at once, kept for `staleIfError`. */
export type InvalidationMode = 'delete' | 'expire';

/** An invalidation on its way into L2. */
export interface InvalidationOrder {
  readonly targets: Targets;
  readonly mode: InvalidationMode;
  /** The instance that orders it. */
  readonly origin: string;
}

/** An invalidation as the bus carries it: numbers and names, never values. */
export interface Invalidation extends InvalidationOrder {
  readonly kind: 'invalidation';
  readonly epoch: string;
  /** Consecutive within one epoch: a missing number is a lost message. */
  readonly sequence: number;
}

/** This instance's own heartbeat, coming back on its subscription. */
export interface HeartbeatEcho {
  readonly kind: 'heartbeat';
  readonly epoch: string;
  readonly sequence: number;
  /** What the heartbeat carried when it was sent. */
  readonly nonce: string;
}

export type BusMessage = Invalidation | HeartbeatEcho;
