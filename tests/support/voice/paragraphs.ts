/**
 * Finds the paragraphs, list items and table cells of a Markdown document, without code and headings. A cell or item that
 * ends with a question mark is left out, because a question begins with a question word.
 */
export function paragraphsOf(markdown: string): string[] {
  const prose = markdown.replace(/^(`{3,})[\s\S]*?^\1[ \t]*$/gm, '').replace(/<!--[\s\S]*?-->/g, '');
  const found: string[] = [];
  for (const block of prose.split(/\n[ \t]*\n/)) {
    for (const part of partsOf(block)) {
      const words = part.replace(/\s+/g, ' ').trim();
      if (/\p{L}/u.test(words) && !words.endsWith('?')) found.push(words);
    }
  }
  return found;
}

function partsOf(block: string): string[] {
  const parts: string[] = [];
  for (const line of block.split('\n')) {
    if (/^#{1,6} /.test(line)) continue;
    const last = parts.pop();
    if (/^\s*\|/.test(line)) parts.push(...(last === undefined ? [] : [last]), ...cellsOf(line), '');
    else if (last === undefined || last === '' || /^\s*(?:[-*]|\d+\.) /.test(line))
      parts.push(...(last === undefined ? [] : [last]), plain(line));
    else parts.push(`${last} ${plain(line)}`);
  }
  return parts;
}

/** Splits a row of a table. A bar inside of code, or behind a backslash, belongs to its cell. */
function cellsOf(row: string): string[] {
  return plain(row).split(/(?<!\\)\|/);
}

/** A line without marks of lists, quotes and emphasis, and with a word in place of code and of what is quoted. */
function plain(line: string): string {
  return line
    .replace(/`[^`]*`/g, 'code')
    .replace(/"[^"]*"/g, 'quote')
    .replace(/^\s*(?:>\s*)?(?:(?:[-*]|\d+\.)\s+)?/, '')
    .replace(/\*\*|__/g, '');
}
