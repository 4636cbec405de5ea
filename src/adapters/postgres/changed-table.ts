import { assertArray, assertNames, knownNames } from '../../core/model/arguments.ts';
import { InvalidKeyError, InvalidOptionError } from '../../core/model/errors.ts';
import { assertKey } from '../../core/model/key.ts';
import { columnsOf, fillTemplate } from './template.ts';

/**
 * Declares a table, and the names in the cache that a change of its rows makes untrue. Names are templates.
 * `product:{id}` stands for one name per changed row, with the column's text in place of the braces. A row that moves
 * from one name to another makes both untrue. A row whose column is null gives no name.
 *
 * The text of a column is its `::text`, independent of the settings of the writer's session: dates in ISO 8601, times
 * in UTC.
 *
 * Every change counts, by any writer and any statement. {@link outboxSql} lists the changes that triggers cannot see.
 */
export interface ChangedTable {
  /** The name as in SQL, without quotes: `products`, or `shop.products`. Each part is quoted as it stands. */
  readonly table: string;
  /** Templates of the keys that a changed row makes untrue. */
  readonly keys?: readonly string[];
  /**
   * Templates of the tags that a changed row makes untrue. Every change ends a tag without a column. Lists carry such a
   * tag, because an INSERT changes them.
   */
  readonly tags?: readonly string[];
  /**
   * Tags without columns that together cover all of `keys` and `tags`. The outbox names them after a TRUNCATE, which
   * names no rows, and after a statement that changed more than {@link MOST_NAMES} names.
   */
  readonly all: readonly string[];
  /**
   * The columns whose change matters. An UPDATE that changes none of them, and no column of a template, adds nothing to
   * the outbox. A version that a trigger raises is the cheapest such column. Together with the templates' columns they
   * must tell the rows apart, as a primary key does. Otherwise two rows that swap their prices would look unchanged, if
   * only prices are compared. Default: every UPDATE matters, also one that changes nothing.
   */
  readonly columns?: readonly string[];
  /**
   * A SELECT over `changed`, which holds the changed rows, old and new. The templates then take the columns of this
   * SELECT. It serves rows whose names are in another table: `select orders.id, orders.shop from changed join orders on
   * orders.id = changed.order_id`. It cannot be given together with `columns`. Tables outside of the outbox's schema
   * need their schema. Postgres plans it anew for each statement, which costs some 0.2 ms.
   *
   * The other table needs an index for the join, and a declaration of its own. The SELECT reads it as the statement
   * left it, so a row that was moved or deleted there no longer gives its former name.
   */
  readonly via?: string;
}

/**
 * The most names of one template that one statement puts into the outbox. Beyond it, {@link ChangedTable.all} replaces
 * them.
 */
export const MOST_NAMES = 500;

/** Reports a declaration from which no trigger can be made. The message and `table` name the table. */
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
 * Checks one declaration.
 * @throws {@link OutboxDeclarationError} when no trigger can be made from it.
 * @throws {@link InvalidOptionError} when it has an option that does not exist, or one of the wrong type.
 */
export function assertDeclaration(declared: ChangedTable): void {
  assertNames('tables', declared, KNOWN);
  assertTypes(declared);
  const { table, keys = [], tags = [], all, columns, via } = declared;
  const refuse = (problem: string): never => {
    throw new OutboxDeclarationError(table, problem);
  };
  if (!/^[^.]+(\.[^.]+)?$/.test(table)) refuse('it is neither a name nor a schema and a name');
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

/** Refuses a template whose names no cache would accept, since the outbox must not name them either. */
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
