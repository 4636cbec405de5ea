/**
 * A table that a resource is read from, and what a change of one of its rows makes untrue, whoever makes it. The names are
 * those of {@link Resource.key} and {@link Resource.tags}, with the changed row's columns in braces: `product:{id}`.
 */
export interface Feed {
  readonly table: string;
  readonly keys?: readonly string[];
  readonly tags?: readonly string[];
  /** Tags of this resource that depend on no row and together cover all of it: for TRUNCATE and for bulk changes. */
  readonly all: readonly string[];
  /** Columns whose change matters; default all. */
  readonly columns?: readonly string[];
}
