/** The code spans of a text, without their marks. */
export const codeSpans = (text: string): string[] => [...text.matchAll(/`([^`\n]+)`/g)].map(([, span = '']) => span);

/** The targets of links to other files, without anchors. */
export const linkTargets = (text: string): string[] =>
  [...text.matchAll(/\]\(((?!https?:|#)[^)#\s]+)[^)]*\)/g)].map(([, target = '']) => target);

/** The rows of the table whose header has this first cell: each the trimmed texts of its cells. */
export function tableRows(text: string, firstHeader: string, heading?: string): string[][] {
  const part = heading === undefined ? text : sectionOf(text, heading);
  const lines = part.split('\n');
  const start = lines.findIndex((line) => cellsOf(line)[0] === firstHeader);
  if (start === -1) throw new Error(`There is no table that begins with the column ${firstHeader}`);
  const rows: string[][] = [];
  for (const line of lines.slice(start + 2)) {
    if (!line.startsWith('|')) break;
    rows.push(cellsOf(line));
  }
  return rows;
}

/** The text from a heading to the next one of its level or above. */
export function sectionOf(text: string, heading: string): string {
  const lines = text.split('\n');
  const start = lines.indexOf(heading);
  if (start === -1) throw new Error(`There is no heading ${JSON.stringify(heading)}`);
  const level = heading.indexOf(' ');
  const length = lines.slice(start + 1).findIndex((line) => new RegExp(`^#{1,${level}} `).test(line));
  return lines.slice(start + 1, length === -1 ? undefined : start + 1 + length).join('\n');
}

function cellsOf(line: string): string[] {
  return line
    .split(/(?<!\\)\|/)
    .slice(1, -1)
    .map((cell) => cell.trim());
}
