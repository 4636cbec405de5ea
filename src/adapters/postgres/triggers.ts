import { createHash } from 'node:crypto';
import { type ChangedTable, MOST_NAMES } from './changed-table.ts';
import { namesQuery, templatesOf } from './names-query.ts';
import { identifier, quotedBody, tableIdentifier, textArray } from './sql-text.ts';
import { columnsOf } from './template.ts';

type Statement = 'insert' | 'update' | 'delete';

const TRANSITION_TABLES: Record<Statement, string> = {
  insert: 'referencing new table as new_rows',
  update: 'referencing old table as old_rows new table as new_rows',
  delete: 'referencing old table as old_rows',
};

/**
 * Fixes all settings that change a value's text, so that names do not depend on the session that runs the statement. A
 * policy that would hide rows of a joined table fails the statement. Otherwise names would be lost silently.
 */
const SETTINGS = `set search_path from current set datestyle = 'ISO, YMD' set intervalstyle = 'postgres'
  set timezone = 'UTC' set extra_float_digits = 1 set bytea_output = 'hex' set row_security = off`;

/** Makes one function and four triggers for one table. */
export function triggersOf(declared: ChangedTable): string {
  const table = tableIdentifier(declared.table);
  const called = `tiercel_outbox_on_${nameOf(declared.table)}`;
  const triggers = (['insert', 'update', 'delete'] as const).map((statement) =>
    trigger(statement, `after ${statement} on ${table} ${TRANSITION_TABLES[statement]}`),
  );
  return [functionOf(declared, called), ...triggers, trigger('truncate', `after truncate on ${table}`)].join('\n');

  function trigger(statement: string, when: string): string {
    const name = `tiercel_outbox_${statement}`;
    return `create trigger ${name} ${when}
  for each statement execute function ${called}();
alter table ${table} enable always trigger ${name};`;
  }
}

/**
 * Names the function of a table. Postgres cuts names at 63 bytes, so a long or unusual name is replaced by its digest.
 */
function nameOf(table: string): string {
  return /^[a-z0-9_]{1,40}$/.test(table) ? table : createHash('sha256').update(table).digest('hex').slice(0, 16);
}

/**
 * Makes the function that the triggers of a table call. Each kind of statement has a query of its own, whose plan
 * Postgres keeps. All queries are set operations: a plan made for one row must not take forever for a hundred thousand,
 * as a nested loop would. Only the owner may call the function. Another user's trigger could feed it any names.
 */
function functionOf(declared: ChangedTable, called: string): string {
  const { keys = [], tags = [], all } = declared;
  // A tag without a column is named already.
  const rest = all.filter((tag) => !tags.includes(tag));
  const variables = templatesOf(declared).map((_, index) => `names_${index}`);
  const fitting = (variable: string): string =>
    `case when cardinality(${variable}) <= ${MOST_NAMES} then ${variable} else '{}' end`;
  const isFull = variables.map((variable) => `cardinality(${variable}) > ${MOST_NAMES}`).join(' or ');
  const sum = (some: readonly string[]): string => ["'{}'::text[]", ...some.map(fitting)].join(' || ');
  const fill = (changed: string): string => fillOf(declared, changed, variables);
  const body = `
#variable_conflict use_column
declare
${variables.map((variable) => `  ${variable} text[];`).join('\n')}
begin
  if tg_op = 'TRUNCATE' then
    perform tiercel_outbox_add('{}'::text[], ${textArray(all)});
    return null;
  elsif tg_op = 'INSERT' then${fill('select * from new_rows')}
  elsif tg_op = 'UPDATE' then${fill(updated(declared))}
  else${fill('select * from old_rows')}
  end if;
  perform tiercel_outbox_add(
    ${sum(variables.slice(0, keys.length))},
    ${sum(variables.slice(keys.length))}
      || case when ${isFull} then ${textArray(rest)} else '{}' end
  );
  return null;
end
`;
  return `create or replace function ${called}() returns trigger
language plpgsql security definer
  ${SETTINGS}
as ${quotedBody(body)};
revoke all on function ${called}() from public;`;
}

/**
 * Makes the query of one kind of statement. A join is planned each time, with the true number of changed rows. A kept
 * plan would be wrong for one row or for a hundred thousand, whichever came later. A table that was empty at the
 * planning would be read row by row for ever.
 */
function fillOf(declared: ChangedTable, changed: string, variables: readonly string[]): string {
  const { from, names } = namesQuery(declared, changed);
  const query = `
    ${from}
    select ${names}`;
  const into = `into ${variables.join(', ')};`;
  return declared.via === undefined
    ? `${query}
    ${into}`
    : `
    execute ${quotedBody(`${query}\n    `)} ${into}`;
}

/**
 * Selects the changed rows of an UPDATE, old and new. If only some columns matter, it selects the rows in which these
 * differ, and only these columns. It compares texts, because names are made of texts. Equal values may be written
 * differently (`1.0` and `1.00`), and some types cannot be compared at all.
 */
function updated(declared: ChangedTable): string {
  if (declared.columns === undefined) return 'select * from old_rows union all select * from new_rows';
  const compared = [...new Set([...columnsOf(templatesOf(declared)), ...declared.columns])].map(identifier);
  const list = compared.map((column) => `${column}::text as ${column}`).join(', ');
  return `
      (select ${list} from old_rows except all select ${list} from new_rows) union all
      (select ${list} from new_rows except all select ${list} from old_rows)`;
}
