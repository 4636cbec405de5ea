import { longestLeaseMs } from '../../core/ports/lease-length.ts';
import type { ClaimAnswer, OutcomeNote } from '../../core/ports/load-outcome.ts';
import type { Contents } from './contents.ts';
import type { ExpiringMap } from './expiring-map.ts';

/** Grants, renews and ends the leases and refresh claims in a server's contents, by physical key. */
export class Rights {
  readonly #contents: Contents;

  constructor(contents: Contents) {
    this.#contents = contents;
  }

  release(key: string, token: string): void {
    if (this.#isLease(key, token)) this.#contents.records.delete(key);
  }

  renew(key: string, token: string, leaseMs: number): boolean {
    if (!this.#isLease(key, token)) return false;
    this.#contents.records.set(key, { kind: 'lease', token }, leaseMs);
    return true;
  }

  claim(key: string, token: string, leaseMs: number): ClaimAnswer {
    const held = this.#contents.claims.get(key);
    if (held !== undefined) {
      shorten(this.#contents.claims, key, held, leaseMs);
      return typeof held === 'string' ? 'taken' : held.outcome;
    }
    this.#contents.claims.set(key, token, leaseMs);
    return 'granted';
  }

  renewClaim(key: string, token: string, leaseMs: number): boolean {
    if (this.#contents.claims.get(key) !== token) return false;
    this.#contents.claims.set(key, token, leaseMs);
    return true;
  }

  releaseClaim(key: string, token: string): void {
    if (this.#contents.claims.get(key) === token) this.#contents.claims.delete(key);
  }

  leaveOutcome(key: string, { of, token, outcome, keepFor }: OutcomeNote): void {
    const { records, claims } = this.#contents;
    const note = { kind: 'outcome', outcome } as const;
    if (of === 'lease' && this.#isLease(key, token)) records.set(key, note, keepFor);
    if (of === 'claim' && claims.get(key) === token) claims.set(key, note, keepFor);
  }

  /** Shortens a lease or note that lasts longer than any lease to the length of one. */
  bound(key: string, leaseMs: number): void {
    const { records } = this.#contents;
    const held = records.get(key);
    if (held !== undefined) shorten(records, key, held, leaseMs);
  }

  #isLease(key: string, token: string): boolean {
    const held = this.#contents.records.get(key);
    return held?.kind === 'lease' && held.token === token;
  }
}

function shorten<T>(map: ExpiringMap<T>, key: string, held: T, leaseMs: number): void {
  if ((map.remaining(key) ?? 0) > longestLeaseMs(leaseMs)) map.set(key, held, leaseMs);
}
