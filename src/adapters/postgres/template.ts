/** A template as what stands between the columns, and the columns: one more of the first than of the second. */
export interface Template {
  readonly texts: readonly string[];
  readonly columns: readonly string[];
}

const COLUMN = /\{([^{}]+)\}/g;

/** Takes a template apart: of `product:{id}` the texts are `product:` and the empty one, the column is `id`. */
export function parseTemplate(template: string): Template {
  const columns = [...template.matchAll(COLUMN)].map(([, column = '']) => column);
  return { texts: template.split(COLUMN).filter((_, index) => index % 2 === 0), columns };
}

/** The columns that some templates name, each once. */
export function columnsOf(templates: readonly string[]): string[] {
  return [...new Set(templates.flatMap((template) => parseTemplate(template).columns))];
}

/** The name that a template stands for, if every column held this text. */
export function fillTemplate(template: string, text: string): string {
  return parseTemplate(template).texts.join(text);
}
