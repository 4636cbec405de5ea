import { createHash } from 'node:crypto';
import { type ChangedTable, MOST_NAMES, parseTemplate } from './changed-table.ts';
import { identifier, literal, textArray } from './sql-text.ts';

type Statement = 'insert' | 'update' | 'delete';

const TRANSITION_TABLES: Record<Statement, string> = {
  insert: 'referencing new table as new_rows',
  update: 'referencing old table as old_rows new table as new_rows',
  delete: 'referencing old table as old_rows',
};

/** One function and four triggers for one table. */
export function triggersOf(declared: ChangedTable): string {
  const table = identifier(declared.table);
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

/** Postgres cuts names at 63 bytes; those that do not fit, or are no plain names, are told apart by their digest. */
function nameOf(table: string): string {
  return /^[a-z0-9_]{1,40}$/.test(table) ? table : createHash('sha256').update(table).digest('hex').slice(0, 16);
}

/**
 * The names are made by the statement's own kind of query, so that its plan is kept. All of them are set operations: a plan
 * made for one row must not take forever for a hundred thousand, as a nested loop would.
 */
function functionOf(declared: ChangedTable, called: string): string {
  const { keys = [], tags = [], all } = declared;
  const names = [...keys, ...tags];
  const variables = names.map((_, index) => `names_${index}`);
  const fill = (changed: string): string => `
    with changed as (${changed})${declared.via === undefined ? '' : `, source as (${declared.via})`}
    select ${names.map((name) => namesOf(name, declared.via === undefined ? 'changed' : 'source')).join(',\n           ')}
    into ${variables.join(', ')};`;
  const fitting = (index: number): string =>
    `case when cardinality(names_${index}) <= ${MOST_NAMES} then names_${index} else '{}' end`;
  const isFull = variables.map((variable) => `cardinality(${variable}) > ${MOST_NAMES}`).join(' or ');
  const sum = (from: number, to: number): string =>
    ["'{}'::text[]", ...variables.slice(from, to).map((_, offset) => fitting(from + offset))].join(' || ');
  return `create or replace function ${called}() returns trigger
language plpgsql security definer set search_path from current as $body$
declare
${variables.map((variable) => `  ${variable} text[];`).join('\n')}
begin
  if tg_op = 'TRUNCATE' then
    perform tiercel_outbox_add('{}', ${textArray(all)});
    return null;
  elsif tg_op = 'INSERT' then${fill('select * from new_rows')}
  elsif tg_op = 'UPDATE' then${fill(updated(declared))}
  else${fill('select * from old_rows')}
  end if;
  perform tiercel_outbox_add(
    ${sum(0, keys.length)},
    ${sum(keys.length, names.length)}
      || case when ${isFull} then ${textArray(all)} else '{}' end
  );
  return null;
end
$body$;`;
}

/** Old and new rows; where only some columns matter, those in which the two differ, and of them no more than that. */
function updated({ keys = [], tags = [], columns }: ChangedTable): string {
  if (columns === undefined) return 'select * from old_rows union all select * from new_rows';
  const used = [...keys, ...tags].flatMap((name) => parseTemplate(name).columns);
  const list = [...new Set([...used, ...columns])].map(identifier).join(', ');
  return `
      (select ${list} from old_rows except select ${list} from new_rows) union all
      (select ${list} from new_rows except select ${list} from old_rows)`;
}

/** One more than may be named says that there are too many. */
function namesOf(template: string, from: string): string {
  const { texts, columns } = parseTemplate(template);
  const parts = texts.flatMap((text, index) => {
    const column = columns[index];
    return [...(text === '' ? [] : [literal(text)]), ...(column === undefined ? [] : [`${identifier(column)}::text`])];
  });
  const name = parts.join(' || ');
  return `array(select distinct name from (select ${name} as name from ${from}) named where name is not null limit ${MOST_NAMES + 1})`;
}
