import { type Clock, systemClock } from '../../core/primitives/clock.ts';

const MINUTE_MS = 60_000;

/** Principals that may ask for every org share one budget over all orgs: this many times the budget of one org. */
const EVERY_ORG = 10;

/** This many keys are remembered at once, over all tenants. A key beyond them counts each time it is loaded. */
const MOST_REMEMBERED = 100_000;

/** The part of a minute's budget that one tenant has used up. */
interface Spent {
  count: number;
  readonly keys: Set<string>;
}

/**
 * Limits the number of new keys, held by no tier, that a tenant may bring into the cache in a minute, in this process. A
 * client that makes up ids and pages gets its answers. They are not stored, so they fill neither Redis nor L1.
 *
 * A key that was invalidated and is loaded again in the same minute is not a new key.
 */
export class NewKeys {
  readonly #perMinute: number;
  readonly #clock: Clock;
  #tenants = new Map<string, Spent>();
  #minute = Number.NEGATIVE_INFINITY;
  #remembered = 0;
  /** The new keys of principals that may ask for every org. */
  #everyOrg = 0;

  /** @param perMinute The budget of one tenant, in new keys. */
  constructor(perMinute: number, clock: Clock = systemClock) {
    this.#perMinute = perMinute;
    this.#clock = clock;
  }

  /**
   * Counts a key that is loaded because no tier holds it.
   * @param tenant The org in the request's path.
   * @param ofEveryOrg True when the principal may ask for any org. A client that makes up orgs has one budget for all of
   *   them.
   * @returns True when the answer may be stored.
   */
  take(key: string, tenant: string, ofEveryOrg: boolean): boolean {
    this.#beginMinute();
    if (this.#tenants.get(tenant)?.keys.has(key)) return true;
    // This check comes first: a client that makes up orgs and has used up its budget adds no tenant to the remembered ones.
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

  /**
   * Returns the spent part of a tenant's budget. The map stays bounded: the org of a token exists, and the budget of
   * principals that may ask for all orgs limits the made-up ones.
   */
  #spentOf(tenant: string): Spent {
    const known = this.#tenants.get(tenant);
    if (known !== undefined) return known;
    const made: Spent = { count: 0, keys: new Set() };
    this.#tenants.set(tenant, made);
    return made;
  }
}
