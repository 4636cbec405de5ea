import { MAX_KEY_BYTES } from '../../core/model/key.ts';
import { type ChangedTable, MOST_NAMES } from './changed-table.ts';
import { identifier, literal } from './sql-text.ts';
import { parseTemplate } from './template.ts';

/** Lists the templates of a table in the order in which {@link namesQuery} answers them: keys, then tags. */
export function templatesOf({ keys = [], tags = [] }: ChangedTable): string[] {
  return [...keys, ...tags];
}

/** Makes a query over the rows that `changed` selects. It returns the names of each template as an array. */
export function namesQuery(declared: ChangedTable, changed: string): { readonly from: string; readonly names: string } {
  const { via } = declared;
  // The newline keeps a `via` that ends in a comment from swallowing the parenthesis.
  const from = `with changed as (${changed})${via === undefined ? '' : `, source as (${via}\n)`}`;
  const source = via === undefined ? 'changed' : 'source';
  return {
    from,
    names: templatesOf(declared)
      .map((template) => namesOf(template, source))
      .join(',\n           '),
  };
}

/**
 * Selects one name more than the limit, which shows that there are too many. Names too short or too long for a key are
 * left out.
 */
function namesOf(template: string, from: string): string {
  return `array(select distinct name from (select ${nameOf(template)} as name from ${from}) named where octet_length(name) between 1 and ${MAX_KEY_BYTES} limit ${MOST_NAMES + 1})`;
}

function nameOf(template: string): string {
  const { texts, columns } = parseTemplate(template);
  const parts = texts.flatMap((text, index) => {
    const column = columns[index];
    return [...(text === '' ? [] : [literal(text)]), ...(column === undefined ? [] : [`${identifier(column)}::text`])];
  });
  return parts.join(' || ');
}
