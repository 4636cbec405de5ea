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
  /**
   * A SELECT over `changed`, which holds the changed rows: its columns are what the names take instead. For rows whose org
   * is in another table. Not together with `columns`; one table has one `via` for all resources that are read from it.
   */
  readonly via?: string;
}
