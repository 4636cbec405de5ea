import type { ChangedTable } from './changed-table.ts';
import { namesQuery, templatesOf } from './names-query.ts';
import { identifier, literal, quotedBody, tableIdentifier, textArray } from './sql-text.ts';
import { columnsOf } from './template.ts';

/**
 * SQL that fails if the database has not what a declaration names. Postgres looks at a function's statements only when they
 * run: without this, the first to hear of a mistake would be whoever updates the table.
 */
export function checkOf(declared: ChangedTable): string {
  const { table, columns } = declared;
  const { from, names } = namesQuery(declared, `select * from ${tableIdentifier(table)}`);
  const compared = columns === undefined ? '' : comparedCheck(table, columns, columnsOf(templatesOf(declared)));
  // As a string, so that also what does not parse is said by the handler.
  const planned = quotedBody(`${from} select ${names} limit 0`);
  const body = `
#variable_conflict use_column
begin
  execute ${planned};${compared}
exception when others then
  raise exception 'The outbox cannot watch %: %', ${literal(JSON.stringify(table))}, sqlerrm using errcode = sqlstate;
end
`;
  return `do ${quotedBody(body)};`;
}

/**
 * Old and new rows are compared as sets. What tells no row apart could hide a change: a statement that swaps the prices of
 * two rows leaves the set of prices as it was.
 */
function comparedCheck(table: string, columns: readonly string[], used: readonly string[]): string {
  const compared = [...new Set([...used, ...columns])];
  return `
  perform ${compared.map(identifier).join(', ')} from ${tableIdentifier(table)} limit 0;
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
