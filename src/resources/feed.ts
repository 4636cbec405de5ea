/**
 * A table from which a resource is read, and the names that a change of its rows makes untrue, by any writer. The names
 * are those of {@link Resource.key} and {@link Resource.tags}, with the changed row's columns in braces:
 * `product:{id}`.
 */
export interface Feed {
  readonly table: string;
  readonly keys?: readonly string[];
  readonly tags?: readonly string[];
  /** Tags of this resource that depend on no row and together cover all of it. They serve TRUNCATE and bulk changes. */
  readonly all: readonly string[];
  /** The columns whose change matters. Default: all. */
  readonly columns?: readonly string[];
  /**
   * A SELECT over `changed`, which holds the changed rows: its columns are what the names take instead. For rows whose org
   * is in another table. Not together with `columns`; one table has one `via` for all resources that are read from it.
   */
  readonly via?: string;
}
