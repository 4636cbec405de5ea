import { existsSync, readFileSync } from 'node:fs';
import { join, normalize, resolve } from 'node:path';
import { type ScannedText, scanText } from './source-text.ts';

/** One `import`, `export … from` or `import()`, of values or of types. */
export interface Import {
  readonly specifier: string;
  readonly line: number;
  /** The file it names, relative to the project; `undefined` for a package or a built-in module. */
  readonly file: string | undefined;
}

/** A TypeScript file of the project. */
export interface Source extends ScannedText {
  /** Relative to the project, with `/`. */
  readonly path: string;
  readonly text: string;
  readonly imports: readonly Import[];
}

const ROOT = resolve(import.meta.dirname, '../..');

/** Static with and without names, then dynamic. The text has no comments any more. */
const IMPORTS = [/^\s*(?:import|export)\b[^;'"]*?\bfrom\s*['"]([^'"]+)['"]/gm, /\bimport\s*\(?\s*['"]([^'"]+)['"]/g];

/** Every file that is, or is about to be, under version control: relative paths. */
export function projectFiles(): string[] {
  const { stdout, success } = Bun.spawnSync(['git', 'ls-files', '-z', '--cached', '--others', '--exclude-standard'], {
    cwd: ROOT,
  });
  if (!success) throw new Error('git does not list the files of the project');
  const listed = new Set(stdout.toString().split('\0'));
  return [...listed].filter((path) => path !== '' && existsSync(join(ROOT, path))).sort();
}

/** The text of a file of the project. */
export const readProjectFile = (path: string): string => readFileSync(join(ROOT, path), 'utf8');

/** The TypeScript files of the project. */
export function readSources(): Source[] {
  return projectFiles()
    .filter((path) => path.endsWith('.ts'))
    .map((path) => sourceOf(path, readProjectFile(path)));
}

/** What there is to know of one file. */
export function sourceOf(path: string, text: string): Source {
  const scanned = scanText(text);
  return { path, text, ...scanned, imports: importsOf(path, scanned) };
}

/** The number of the line at this place of a text, from 1. */
export const lineAt = (text: string, index: number): number => text.slice(0, index).split('\n').length;

function importsOf(path: string, { code, bare }: ScannedText): Import[] {
  const found = IMPORTS.flatMap((pattern) => [...code.matchAll(pattern)]);
  // What a string or a template says is no import: there the keyword itself is blanked out.
  const real = found.filter(({ index, 0: { length } }) =>
    /^\s*(?:import|export)\b/.test(bare.slice(index, index + length)),
  );
  return real.map((match) => {
    const specifier = match[1] ?? '';
    return {
      specifier,
      line: lineAt(code, match.index + match[0].length),
      file: specifier.startsWith('.') ? normalize(join(path, '..', specifier)).replaceAll('\\', '/') : undefined,
    };
  });
}
