import type { ClaimAnswer, OutcomeNote } from '../../core/ports/load-outcome.ts';
import type { Contents } from './contents.ts';

/** The leases and refresh claims among what a server holds, by physical key. */
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
    if (held !== undefined) return typeof held === 'string' ? 'taken' : held.outcome;
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

  #isLease(key: string, token: string): boolean {
    const held = this.#contents.records.get(key);
    return held?.kind === 'lease' && held.token === token;
  }
}
