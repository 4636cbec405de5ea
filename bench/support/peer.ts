/** The tiers of a cache: the one in this process, Redis, or both, with a bus where the cache has one. */
export type Tiers = 'l1' | 'l2' | 'both';

/** The arguments with which a cache is opened. */
export interface Opening {
  readonly tiers: Tiers;
  /** The URL of Redis; not used for `l1`. */
  readonly url: string;
  /** Loads a value that the cache does not hold. */
  readonly load: (key: string) => Promise<unknown>;
  /** The namespace of the cache in Redis; not used for `l1`. */
  readonly namespace: string;
}

/** An open cache: Tiercel or another, behind one interface. */
export interface OpenCache {
  /** The cache's own get-or-load, awaited by the caller, with nothing around it. */
  readonly read: (key: string) => Promise<unknown>;
  readonly remove: (key: string) => Promise<unknown>;
  readonly close: () => Promise<unknown>;
}

/** A cache in one configuration. */
export interface Contender {
  /** Names it, such as `bentocache (serialize: false)`. */
  readonly name: string;
  /** The tiers that it can be opened with. */
  readonly tiers: readonly Tiers[];
  /** True if its instances, with both tiers, tell each other what they have removed. */
  readonly hasBus: boolean;
  readonly open: (opening: Opening) => Promise<OpenCache>;
}

/** The lifetime of every entry in every cache: longer than any benchmark. Milliseconds. */
export const TTL_MS = 3_600_000;

/** Entries that each L1 has room for: more than any benchmark of reads uses. */
export const MOST_ENTRIES = 100_000;

/** Returns the fullest tiers of a contender: both where it can, Redis alone where it has but one. */
export const fullestTiers = ({ tiers }: Contender): Tiers => (tiers.includes('both') ? 'both' : 'l2');
