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
   * A SELECT over `changed`, which holds the changed rows. The names then take the columns of this SELECT. It serves
   * rows whose org is in another table. It cannot be given together with `columns`. All resources that are read from
   * one table have one `via` for it.
   */
  readonly via?: string;
}
