/** Writes a table as Markdown, with columns as wide as their cells. The columns named in `left` begin at the left. */
export function table(head: readonly string[], rows: readonly (readonly string[])[], left: readonly string[]): string {
  const widths = head.map((title, column) =>
    Math.max(3, ...[title, ...rows.map((row) => row[column] ?? '')].map(width)),
  );
  const isLeft = head.map((title) => left.includes(title));
  const line = (cells: readonly string[]): string =>
    `| ${widths.map((most, column) => padded(cells[column] ?? '', most, isLeft[column] ?? false)).join(' | ')} |`;
  const rule = widths.map((most, column) => (isLeft[column] ? '-'.repeat(most) : `${'-'.repeat(most - 1)}:`));
  return [line(head), line(rule), ...rows.map(line)].join('\n');
}

const width = (text: string): number => Bun.stringWidth(text);

function padded(text: string, most: number, isLeft: boolean): string {
  const blanks = ' '.repeat(Math.max(0, most - width(text)));
  return isLeft ? text + blanks : blanks + text;
}

/** Writes as many digits as are worth reading: 0.012, 1.23, 12.3, 1,234. */
export function inFigures(figure: number): string {
  if (!Number.isFinite(figure)) return '–';
  const size = Math.abs(figure);
  if (size >= 100 || Number.isInteger(figure)) return Math.round(figure).toLocaleString('en');
  return size >= 0.1 ? figure.toFixed(size >= 10 ? 1 : 2) : String(Number(figure.toPrecision(2)));
}
