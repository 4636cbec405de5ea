import { type Clock, systemClock } from '../../core/primitives/clock.ts';

const MINUTE_MS = 60_000;

/** Principals that may ask for every org have so many budgets of one org, for all orgs together. */
const EVERY_ORG = 10;

/** Keys that are remembered at once, of all tenants. Of any other, one that comes again is counted again. */
const MOST_REMEMBERED = 100_000;

/** The part of a minute's budget that one tenant has used up. */
interface Spent {
  count: number;
  readonly keys: Set<string>;
}

/**
 * Limits how many keys that no tier holds a tenant may bring into the cache in a minute, in this process. A client that makes
 * up ids and pages gets its answers, and they are not stored: it fills neither Redis nor L1.
 *
 * A key that is loaded again in the same minute, because it was invalidated, is no new key.
 */
export class NewKeys {
  readonly #perMinute: number;
  readonly #clock: Clock;
  #tenants = new Map<string, Spent>();
  #minute = Number.NEGATIVE_INFINITY;
  #remembered = 0;
  /** New keys of principals that may ask for every org. */
  #everyOrg = 0;

  /** @param perMinute New keys of one tenant. */
  constructor(perMinute: number, clock: Clock = systemClock) {
    this.#perMinute = perMinute;
    this.#clock = clock;
  }

  /**
   * Counts a key that is loaded because no tier holds it.
   * @param tenant The org whose path was asked.
   * @param ofEveryOrg Whether the principal may ask for any org. A client that makes up orgs has one budget for all of them.
   * @returns whether its answer may be stored.
   */
  take(key: string, tenant: string, ofEveryOrg: boolean): boolean {
    this.#beginMinute();
    if (this.#tenants.get(tenant)?.keys.has(key)) return true;
    // First: a tenant that is new to this minute is not remembered for a client that makes up orgs and has used up its budget.
    if (ofEveryOrg && this.#everyOrg >= EVERY_ORG * this.#perMinute) return false;
    const own = this.#spentOf(tenant);
    if (own.count >= this.#perMinute) return false;
    own.count += 1;
    if (ofEveryOrg) this.#everyOrg += 1;
    if (this.#remembered < MOST_REMEMBERED) {
      this.#remembered += 1;
      own.keys.add(key);
    }
    return true;
  }

  #beginMinute(): void {
    const minute = Math.floor(this.#clock.now() / MINUTE_MS);
    if (minute === this.#minute) return;
    this.#minute = minute;
    this.#tenants = new Map();
    this.#remembered = 0;
    this.#everyOrg = 0;
  }

  /** Bounded: the org of a token exists, and made-up orgs are no more than the budget of principals that may ask for all. */
  #spentOf(tenant: string): Spent {
    const known = this.#tenants.get(tenant);
    if (known !== undefined) return known;
    const made: Spent = { count: 0, keys: new Set() };
    this.#tenants.set(tenant, made);
    return made;
  }
}
