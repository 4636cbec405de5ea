/** A string as SQL writes it. */
export function literal(text: string): string {
  const quoted = `'${text.replaceAll("'", "''")}'`;
  return text.includes('\\') ? ` E${quoted.replaceAll('\\', '\\\\')}` : quoted;
}

/** A name as SQL writes it. */
export function identifier(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}

/** The name of a table as SQL writes it; of `schema.table` each part. */
export function tableIdentifier(name: string): string {
  return name.split('.').map(identifier).join('.');
}

/** A list of strings as SQL writes it. */
export function textArray(texts: readonly string[]): string {
  return `array[${texts.map(literal).join(', ')}]::text[]`;
}

/** A piece of SQL as a string of SQL, readable: between dollars, and a word that does not end it early. */
export function quotedBody(sql: string): string {
  let tag = '$body$';
  // Its own last characters must not become the beginning of the end.
  while (`${sql}$`.includes(tag)) tag = tag.replace(/\$$/, '_$');
  return `${tag}${sql}${tag}`;
}
