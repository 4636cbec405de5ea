import { assertArray, assertNames, knownNames } from '../../core/model/arguments.ts';
import { InvalidKeyError, InvalidOptionError } from '../../core/model/errors.ts';
import { assertKey } from '../../core/model/key.ts';
import { columnsOf, fillTemplate } from './template.ts';

/**
 * A table, and what in the cache each of its rows is a part of. Names are templates: `product:{id}` stands for one name
 * for each changed row, with the column's text in the place of the braces. A row moved from one name to another ends both;
 * a name with a column that is null is none.
 *
 * A column's text is what `::text` makes of it, whatever the writer's session is set to: dates in ISO 8601, times in UTC.
 *
 * Every change counts, whoever makes it and by whatever statement; see {@link outboxSql} for what triggers cannot see.
 */
export interface ChangedTable {
  /** As in SQL, without quotes: `products`, or `shop.products`. Each part is quoted as it stands. */
  readonly table: string;
  /** Keys that a changed row makes untrue. */
  readonly keys?: readonly string[];
  /** Tags that a changed row makes untrue. One without a column is ended by every change: lists carry it, for INSERTs. */
  readonly tags?: readonly string[];
  /**
   * Tags without columns that together cover all of `keys` and `tags`: what is said after a TRUNCATE, which names no rows,
   * and after a statement that changed more than {@link MOST_NAMES} names.
   */
  readonly all: readonly string[];
  /**
   * Columns whose change matters; an UPDATE that changes none of them, nor a column of a template, says nothing. A version
   * that a trigger raises is the cheapest. Together with the templates' columns they must tell the rows apart, as a primary
   * key does: two rows that swap their prices look like none changed to whoever sees only prices.
   * Default: every UPDATE matters, also one that changes nothing.
   */
  readonly columns?: readonly string[];
  /**
   * A SELECT over `changed`, which holds the changed rows, old and new: its columns are what the templates take instead.
   * For rows whose names are in another table: `select orders.id, orders.shop from changed join orders on orders.id =
   * changed.order_id`. Not together with `columns`. Tables outside of the outbox's schema must be named with theirs.
   * It is planned anew for each statement, which costs some 0.2 ms; the other table wants an index for the join, and a watch
   * of its own: it is read as the statement has left it, so what a row said that was moved or deleted there is not known here.
   */
  readonly via?: string;
}

/** Names of one template that one statement may put into the outbox; beyond, {@link ChangedTable.all} stands for them. */
export const MOST_NAMES = 500;

/** A declaration from which no trigger can be made; the message names the table. */
export class OutboxDeclarationError extends Error {
  override readonly name = 'OutboxDeclarationError';
  readonly code = 'OUTBOX_DECLARATION';
  readonly table: string;
  constructor(table: string, problem: string) {
    super(`The outbox cannot watch ${JSON.stringify(table)}: ${problem}`);
    this.table = table;
  }
}

const KNOWN = knownNames(['table', 'keys', 'tags', 'all', 'columns', 'via'] satisfies (keyof ChangedTable)[]);

/**
 * @throws {@link OutboxDeclarationError}
 * @throws {@link InvalidOptionError} when it has an option that does not exist, or one of the wrong type.
 */
export function assertDeclaration(declared: ChangedTable): void {
  assertNames('tables', declared, KNOWN);
  assertTypes(declared);
  const { table, keys = [], tags = [], all, columns, via } = declared;
  const refuse = (problem: string): never => {
    throw new OutboxDeclarationError(table, problem);
  };
  if (!/^[^.]+(\.[^.]+)?$/.test(table)) refuse('it is not a name, nor a schema and a name');
  if (keys.length + tags.length === 0) refuse('neither keys nor tags are named');
  if (!all?.length) refuse('no tag in "all" covers what it changes');
  for (const key of keys) assertTemplate(key, 'key', refuse);
  for (const tag of [...tags, ...all]) assertTemplate(tag, 'tag', refuse);
  const dependent = all.find((tag) => columnsOf([tag]).length > 0);
  if (dependent !== undefined) refuse(`${JSON.stringify(dependent)} in "all" depends on a column`);
  if (columns?.includes('')) refuse('the name of a column is empty');
  if (columns !== undefined && via !== undefined) refuse('"columns" and "via" cannot both be given');
}

function assertTypes({ table, via, ...lists }: ChangedTable): void {
  if (typeof table !== 'string') throw new InvalidOptionError('table', table, 'the name of a table');
  if (via !== undefined && typeof via !== 'string') throw new InvalidOptionError('via', via, 'the text of a SELECT');
  for (const [name, given] of Object.entries({ ...lists, all: lists.all ?? [] })) {
    if (given === undefined) continue;
    assertArray(name, given, 'an array of strings');
    for (const each of given)
      if (typeof each !== 'string') throw new InvalidOptionError(name, each, 'an array of strings');
  }
}

/** What no cache would take as a name must not come out of the outbox either. */
function assertTemplate(template: string, what: 'key' | 'tag', refuse: (problem: string) => never): void {
  const name = fillTemplate(template, '1');
  if (/[{}]/.test(name)) refuse(`the braces of ${JSON.stringify(template)} do not match`);
  try {
    assertKey(name, what);
  } catch (error) {
    if (!(error instanceof InvalidKeyError)) throw error;
    refuse(error.message);
  }
}
