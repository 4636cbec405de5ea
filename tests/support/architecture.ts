import { dirname } from 'node:path';
import { lineAt, type Source } from './sources.ts';

/** A place that breaks a rule. */
export interface Violation {
  readonly path: string;
  readonly line: number;
  readonly problem: string;
}

/** What a layer may use besides itself. */
export interface Layer {
  /** Other layers. */
  readonly layers: readonly string[];
  /** Packages, with everything below their names; `node:` is all built-in modules. */
  readonly packages: readonly string[];
}

/** The layer of a file under `src/` or `otel/`: its folder, each adapter for itself; files in `src/` are their own. */
export function layerOf(path: string): string | undefined {
  return path.match(/^src\/(adapters\/[^/]+|[^/]+)/)?.[1] ?? path.match(/^(otel)\//)?.[1];
}

/** The room of a file under `src/core/`: its folder; `root` for the files that stand in `src/core/` itself. */
export function roomOf(path: string): string | undefined {
  const match = path.match(/^src\/core\/(?:([^/]+)\/)?[^/]+$/);
  return match === null ? undefined : (match[1] ?? 'root');
}

/** Imports from one room of the core into a room that it may not use, type imports counted. */
export function wrongRoom(sources: readonly Source[], rooms: Readonly<Record<string, readonly string[]>>): Violation[] {
  return sources.flatMap(({ path, imports }) => {
    const own = roomOf(path);
    if (own === undefined) return [];
    const allowed = rooms[own];
    if (allowed === undefined) return [{ path, line: 1, problem: `core/${own} is no room that the rules know` }];
    return imports.flatMap(({ line, file }) => {
      const room = file === undefined ? undefined : roomOf(file);
      if (room === undefined || room === own || allowed.includes(room)) return [];
      return [{ path, line, problem: `core/${own} does not import from core/${room}` }];
    });
  });
}

/** Imports of a room of the core by another layer that may not enter it. `doors` holds the rooms for each layer. */
export function pastTheDoor(
  sources: readonly Source[],
  doors: { readonly all: readonly string[]; readonly of: Readonly<Record<string, readonly string[]>> },
): Violation[] {
  return sources.flatMap(({ path, imports }) => {
    const own = layerOf(path);
    if (own === undefined || own === 'core' || own === 'index.ts') return [];
    return imports.flatMap(({ line, file }) => {
      const room = file === undefined ? undefined : roomOf(file);
      if (room === undefined || doors.all.includes(room) || doors.of[own]?.includes(room)) return [];
      return [{ path, line, problem: `${own} does not import from core/${room}` }];
    });
  });
}

/** Imports against the direction, type imports counted. */
export function wrongWay(sources: readonly Source[], layers: Readonly<Record<string, Layer>>): Violation[] {
  return sources.flatMap(({ path, imports }) => {
    const own = layerOf(path);
    if (own === undefined) return [];
    const layer = layers[own];
    if (layer === undefined) return [{ path, line: 1, problem: `src/${own} is no layer that the rules know` }];
    return imports.flatMap(({ specifier, line, file }) => {
      const problem = file === undefined ? foreignPackage(own, layer, specifier) : foreignFile(own, layer, file);
      return problem === undefined ? [] : [{ path, line, problem }];
    });
  });
}

function foreignPackage(own: string, { packages }: Layer, specifier: string): string | undefined {
  const isAllowed = packages.some(
    (name) => specifier === name || specifier.startsWith(name.endsWith(':') ? name : `${name}/`),
  );
  return isAllowed ? undefined : `${own} does not use the package ${specifier}`;
}

function foreignFile(own: string, { layers }: Layer, file: string): string | undefined {
  const target = layerOf(file);
  if (target === own || file === 'package.json') return undefined;
  if (target === undefined || !layers.includes(target)) return `${own} does not import from ${file}`;
  const isInside = /^(adapters\/|telemetry)/.test(target) && !file.endsWith('/index.ts');
  return isInside ? `${target} is entered through its index.ts, not by ${file}` : undefined;
}

/** Files that import each other in a ring, type imports counted. Each ring is told once. */
export function cycles(sources: readonly Source[]): Violation[] {
  const byPath = new Map(sources.map((source) => [source.path, source]));
  const done = new Set<string>();
  const found: Violation[] = [];
  const visit = (source: Source, trail: readonly string[]) => {
    done.add(source.path);
    for (const { file, line } of source.imports) {
      const next = file === undefined ? undefined : byPath.get(file);
      if (next === undefined) continue;
      const ring = [...trail, source.path];
      const start = ring.indexOf(next.path);
      if (start !== -1) {
        const problem = `a ring of imports: ${[...ring.slice(start), next.path].join(' → ')}`;
        found.push({ path: source.path, line, problem });
      } else if (!done.has(next.path)) visit(next, ring);
    }
  };
  for (const source of sources) if (!done.has(source.path)) visit(source, []);
  return found;
}

/**
 * The rooms that these files make, each with the imports of all its files. A folder is a room. A file beside folders is a
 * room of its own, because it may stand above them or below them.
 */
export function roomsOf(sources: readonly Source[]): Source[] {
  const folders = new Set(sources.map(({ path }) => dirname(path)));
  const hasFolders = new Set([...folders].map((folder) => dirname(folder)));
  const roomOf = (path: string) => (hasFolders.has(dirname(path)) ? path : dirname(path));
  const rooms = Map.groupBy(sources, ({ path }) => roomOf(path));
  return [...rooms].map(([path, files]) => ({
    path,
    text: '',
    code: '',
    bare: '',
    imports: files
      .flatMap(({ imports }) => imports)
      .flatMap((each) =>
        each.file === undefined || roomOf(each.file) === path ? [] : [{ ...each, file: roomOf(each.file) }],
      ),
  }));
}

/** Places where the pattern matches, outside of comments and texts. */
export function uses(sources: readonly Source[], pattern: RegExp, problem: string): Violation[] {
  return sources.flatMap((source) => matches(source.path, source.bare, pattern, problem));
}

/** Places of any text where the pattern matches. */
export function matches(path: string, text: string, pattern: RegExp, problem: string): Violation[] {
  return [...text.matchAll(pattern)].map((match) => ({
    path,
    line: lineAt(text, match.index),
    problem: `${problem}: ${match[0].trim()}`,
  }));
}

/** Files of more lines than `most`. */
export function tooLong(sources: readonly Source[], most: number): Violation[] {
  return sources.flatMap(({ path, text }) => {
    const lines = text.trimEnd().split('\n').length;
    return lines > most
      ? [{ path, line: most + 1, problem: `${lines} lines, more than ${most}: it holds two ideas` }]
      : [];
  });
}

/** Files of TypeScript or SQL whose names are not in kebab case. */
export function misnamed(paths: readonly string[]): Violation[] {
  const name = /(?:^|\/)[a-z0-9]+(?:-[a-z0-9]+)*(?:\.(?:test|bench|d))?\.(?:ts|sql)$/;
  return paths
    .filter((path) => /\.(?:ts|sql)$/.test(path) && !name.test(path))
    .map((path) => ({ path, line: 1, problem: 'the name is not in kebab case' }));
}

/** Fails with every violation on a line of its own. */
export function expectNone(violations: readonly Violation[]): void {
  if (violations.length === 0) return;
  throw new Error(violations.map(({ path, line, problem }) => `\n  ${path}:${line}  ${problem}`).join(''));
}
