/** A template in parts: the columns, and the texts around them. There is one text more than there are columns. */
export interface Template {
  readonly texts: readonly string[];
  readonly columns: readonly string[];
}

const COLUMN = /\{([^{}]+)\}/g;

/** Splits a template. Of `product:{id}` the texts are `product:` and the empty one, and the column is `id`. */
export function parseTemplate(template: string): Template {
  const columns = [...template.matchAll(COLUMN)].map(([, column = '']) => column);
  return { texts: template.split(COLUMN).filter((_, index) => index % 2 === 0), columns };
}

/** Lists the columns that some templates name, each once. */
export function columnsOf(templates: readonly string[]): string[] {
  return [...new Set(templates.flatMap((template) => parseTemplate(template).columns))];
}

/** Returns the name that a template gives if every column holds this text. */
export function fillTemplate(template: string, text: string): string {
  return parseTemplate(template).texts.join(text);
}
