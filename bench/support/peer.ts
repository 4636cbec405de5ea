/** Which tiers a cache is to have: the one in this process, Redis, or both, with a bus where it has one. */
export type Tiers = 'l1' | 'l2' | 'both';

/** What a cache is opened with. */
export interface Opening {
  readonly tiers: Tiers;
  /** Of Redis; not used for `l1`. */
  readonly url: string;
  /** Loads what the cache does not hold. */
  readonly load: (key: string) => Promise<unknown>;
  /** Its corner of Redis; not used for `l1`. */
  readonly namespace: string;
}

/** A cache that is open: Tiercel or another, seen alike. */
export interface OpenCache {
  /** The cache's own get-or-load, awaited by the caller, with nothing of ours around it. */
  readonly read: (key: string) => Promise<unknown>;
  readonly remove: (key: string) => Promise<unknown>;
  readonly close: () => Promise<unknown>;
}

/** A cache in one configuration. */
export interface Contender {
  /** `bentocache (serialize: false)`. */
  readonly name: string;
  /** What it can be opened with. */
  readonly tiers: readonly Tiers[];
  /** Whether, with both tiers, its instances tell each other what they have removed. */
  readonly hasBus: boolean;
  readonly open: (opening: Opening) => Promise<OpenCache>;
}

/** How long every entry lives in every cache: longer than any benchmark. */
export const TTL_MS = 3_600_000;

/** Entries that each L1 has room for: more than any benchmark of reads uses. */
export const MOST_ENTRIES = 100_000;

/** The longer list of tiers that a contender has: both where it can, Redis alone where it has but one. */
export const fullestTiers = ({ tiers }: Contender): Tiers => (tiers.includes('both') ? 'both' : 'l2');
