import type { ChangedTable } from './changed-table.ts';
import { namesQuery, templatesOf } from './names-query.ts';
import { identifier, literal, quotedBody, tableIdentifier, textArray } from './sql-text.ts';
import { columnsOf } from './template.ts';

/** Stands in the checked query for the changed rows. No declaration can contain it. */
const CHANGED = 'select /* tiercel: changed rows */';

/**
 * Makes SQL that fails if the database lacks something that a declaration names. Postgres checks the statements of a
 * function only when they run. Without this check, a mistake would show first to a program that updates the table.
 *
 * The SQL checks the query over a row of nulls with the columns that triggers see. These exclude system columns, and
 * virtual generated columns, which are null in transition tables. Row level security is off, so that a table whose
 * policies would hide rows from the function's owner is refused.
 */
export function checkOf(declared: ChangedTable): string {
  const { table, columns, via } = declared;
  const { from, names } = namesQuery(declared, CHANGED);
  const used = [...new Set([...(via === undefined ? columnsOf(templatesOf(declared)) : []), ...(columns ?? [])])];
  // The query is a string, so that the handler also reports a query that does not parse.
  const planned = quotedBody(`${from} select ${names} limit 0`);
  const body = `
#variable_conflict use_column
declare
  watched regclass;
  virtual text;
  changed text;
  security text := current_setting('row_security');
begin
  watched := to_regclass(${literal(tableIdentifier(table))});
  if watched is null then
    raise exception 'relation "%" does not exist', ${literal(table)} using errcode = 'undefined_table';
  end if;
  select attname into virtual from pg_attribute
  where attrelid = watched and attname = any (${textArray(used)}) and attgenerated = 'v' and not attisdropped limit 1;
  if virtual is not null then
    raise exception 'column "%" is a virtual generated column, which triggers cannot see; make it STORED', virtual
      using errcode = 'feature_not_supported';
  end if;
  select string_agg(format('(null::%s).%I', watched, attname), ', ' order by attnum) into changed from pg_attribute
  where attrelid = watched and attnum > 0 and not attisdropped and attgenerated <> 'v';
  changed := 'select ' || changed || ' where false';
  perform set_config('row_security', 'off', true);
  execute replace(${planned}, ${literal(CHANGED)}, changed);${columns === undefined ? '' : comparedCheck(table, used)}
  perform set_config('row_security', security, true);
exception when others then
  raise exception 'The outbox cannot watch %: %', ${literal(JSON.stringify(table))}, sqlerrm using errcode = sqlstate;
end
`;
  return `do ${quotedBody(body)};`;
}

/**
 * Makes the check that the compared columns tell the rows apart. Old and new rows are compared as sets. Without a
 * unique key a change could stay hidden: a statement that swaps the prices of two rows leaves the set of prices as it
 * was.
 */
function comparedCheck(table: string, compared: readonly string[]): string {
  const listed = quotedBody(`select ${compared.map(identifier).join(', ')} from (${CHANGED}) changed`);
  return `
  execute replace(${listed}, ${literal(CHANGED)}, changed);
  if not exists (
    select from pg_index
    where indrelid = ${literal(tableIdentifier(table))}::regclass and indisunique and indisvalid and indpred is null and (
      select bool_and(coalesce(attnotnull and attname = any (${textArray(compared)}), false))
      from unnest(indkey) with ordinality as part (number, rank)
      left join pg_attribute on attrelid = indrelid and attnum = number
      where rank <= indnkeyatts
    )
  ) then
    raise exception '"columns" and the templates do not tell its rows apart; add its primary key to "columns"'
      using errcode = 'invalid_object_definition';
  end if;`;
}
