import { FAMILIES, ttlVariable, VARIABLES, type Variable } from './variables.ts';

const DEFAULT_WIDTH = 18;

const MEANING_WIDTH = 66;

/**
 * Returns the text that `bun start --help` prints: the usage, and every variable with its default and meaning.
 * @param groups The groups whose TTL can be set. The text names their variables.
 */
export function helpText(groups: readonly string[] = []): string {
  const rows = [...Object.entries<HelpEntry>(VARIABLES), ...Object.entries<HelpEntry>(FAMILIES)].map(toRow);
  const nameWidth = Math.max(...rows.map((row) => row.name.length));
  const ttls = groups.map(ttlVariable).join(', ');
  return [
    'Tiercel: a multi-tier cache at work on a catalog, served over HTTP.',
    '',
    'Usage: bun start [--help]',
    '',
    'Everything is set by environment variables:',
    '',
    ...[{ name: 'VARIABLE', fallback: 'DEFAULT', meaning: 'MEANING' }, ...rows].flatMap((row) =>
      layOut(row, nameWidth),
    ),
    '',
    'A variable marked * is a secret: it is never printed, and <NAME>_FILE can name a file that holds it.',
    ...(ttls === '' ? [] : [`TTLs of groups: ${ttls}.`]),
    '',
  ].join('\n');
}

type HelpEntry = Omit<Variable, 'read'>;

interface Row {
  readonly name: string;
  readonly fallback: string;
  readonly meaning: string;
}

function toRow([name, variable]: [string, HelpEntry]): Row {
  return {
    name: variable.secret ? `${name} *` : name,
    fallback: variable.default ?? variable.unset ?? 'unset',
    meaning: variable.meaning,
  };
}

/** Lays one row of the table out as lines. A text that is too long for its column continues in the next line. */
function layOut(row: Row, nameWidth: number): string[] {
  const fallback = wrap(row.fallback, DEFAULT_WIDTH);
  const meaning = wrap(row.meaning, MEANING_WIDTH);
  return Array.from({ length: Math.max(fallback.length, meaning.length) }, (_, line) => {
    const name = line === 0 ? row.name : '';
    return `  ${name.padEnd(nameWidth)}  ${(fallback[line] ?? '').padEnd(DEFAULT_WIDTH)}  ${meaning[line] ?? ''}`.trimEnd();
  });
}

function wrap(text: string, width: number): string[] {
  const lines: string[] = [];
  let line = '';
  for (const word of text.split(' ')) {
    if (line !== '' && line.length + 1 + word.length > width) {
      lines.push(line);
      line = word;
    } else {
      line = line === '' ? word : `${line} ${word}`;
    }
  }
  return [...lines, line];
}
