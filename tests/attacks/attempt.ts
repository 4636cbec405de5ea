/** The tokens of an attacker, all of org 1. Two of them have ended. */
export type Bearer = 'reader' | 'writer' | 'viewer' | 'admin' | 'expired' | 'revoked';

/** One named attempt: a request as it goes over the wire, and the refusals that are right for it. */
export interface Attempt {
  readonly name: string;
  readonly method?: string;
  readonly path: string;
  /** Default: the address that the service listens on. `null` leaves the header out. */
  readonly host?: string | null;
  /** Default `reader`; `null` sends no token. */
  readonly as?: Bearer | null;
  /** Lines as they are, beside Host, Authorization and those that a body needs. */
  readonly lines?: readonly string[];
  /** Sent as JSON, with its length. */
  readonly body?: string | Uint8Array;
  /** Statuses that refuse it. A connection that ends without an answer counts as 400. */
  readonly refused: readonly number[];
}

/** Attempts of one kind. */
export interface AttemptKind {
  readonly kind: string;
  readonly attempts: readonly Attempt[];
}
