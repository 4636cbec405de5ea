/** Writes a string as a literal of SQL. */
export function literal(text: string): string {
  const quoted = `'${text.replaceAll("'", "''")}'`;
  return text.includes('\\') ? ` E${quoted.replaceAll('\\', '\\\\')}` : quoted;
}

/** Writes a name as an identifier of SQL. */
export function identifier(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}

/** Writes the name of a table as an identifier of SQL. Of `schema.table` it quotes each part. */
export function tableIdentifier(name: string): string {
  return name.split('.').map(identifier).join('.');
}

/** Writes a list of strings as an array of SQL. */
export function textArray(texts: readonly string[]): string {
  return `array[${texts.map(literal).join(', ')}]::text[]`;
}

/** Writes a piece of SQL as a readable string of SQL, between dollars and a word that does not end it early. */
export function quotedBody(sql: string): string {
  let tag = '$body$';
  // The last characters of the piece must not form the beginning of the closing word.
  while (`${sql}$`.includes(tag)) tag = tag.replace(/\$$/, '_$');
  return `${tag}${sql}${tag}`;
}
