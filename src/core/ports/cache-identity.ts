/** The cache that starts a tier or a bus, as far as its names and records depend on it. */
export interface CacheIdentity {
  /** Its name: the namespace of what it stores, unless the adapter was given another. */
  readonly name: string;
  /** Schema version of the values; empty for none. */
  readonly version: string;
  /** Format of the bodies; see `Codec.format`. */
  readonly format: number;
}
