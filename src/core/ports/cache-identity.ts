/** Identity of the cache that starts a tier or a bus. Names and records depend on it. */
export interface CacheIdentity {
  /** The name of the cache. It is the namespace of its records, unless the adapter was given another one. */
  readonly name: string;
  /** Schema version of the values; empty for none. */
  readonly version: string;
  /** Format of the bodies; see `Codec.format`. */
  readonly format: number;
}
