import { projectFiles, readProjectFile } from '../sources.ts';
import { codeSpans } from './markdown.ts';

/** One clause of a "Test:" paragraph: the files that it names, and the names that stand in them. */
export interface Citation {
  readonly text: string;
  readonly files: readonly string[];
  readonly names: readonly string[];
}

/** Finds the citations in the paragraphs that begin with "Test:". Semicolons part them. */
export function citationsOf(markdown: string): Citation[] {
  const paragraphs = [...markdown.matchAll(/^[ \t]*Tests?: ([^\n]+)/gm)].map(([, text = '']) => text);
  return paragraphs.flatMap((text) => clausesOf(text).map(citationOf));
}

/** Says what is wrong with citations: files that do not exist, and names that none of their files hold. */
export function faultsOf(citations: readonly Citation[]): string[] {
  const all = projectFiles();
  const texts = new Map<string, string>();
  const textOf = (path: string): string => {
    const known = texts.get(path) ?? readProjectFile(path);
    texts.set(path, known);
    return known;
  };
  return citations.flatMap(({ text, files, names }) => {
    const missing = files.filter((file) => !all.includes(file)).map((file) => `${file} does not exist`);
    if (missing.length > 0) return missing;
    const places = files.length > 0 ? files : placesOf(text, all);
    return names
      .filter((name) => !places.some((path) => holds(textOf(path), name)))
      .map((name) => `${files.join(' and ') || 'no test'} has no ${JSON.stringify(name)}`);
  });
}

/** A name without a file is looked for where its kind belongs. */
function placesOf(text: string, all: readonly string[]): string[] {
  const isOf = /\bweakenings?\b/.test(text)
    ? /^tests\/simulation\/weakenings\//
    : /\bfaults?\b/.test(text)
      ? /^tests\/simulation\/faults\.ts$/
      : /\bcontracts?\b/.test(text)
        ? /^src\/testing\/contracts\//
        : /^tests\/.*\.test\.ts$/;
  return all.filter((path) => isOf.test(path));
}

/** An ellipsis in a name stands for what a template puts in there. */
function holds(text: string, name: string): boolean {
  let from = 0;
  for (const part of name.split('…').filter((each) => each.trim() !== '')) {
    const at = text.indexOf(part.trim(), from);
    if (at === -1) return false;
    from = at + part.length;
  }
  return true;
}

/** Semicolons inside of quotes part nothing. */
function clausesOf(text: string): string[] {
  return (text.match(/(?:"[^"]*"|`[^`]*`|[^;"`]+)+/g) ?? []).map((clause) => clause.trim());
}

function citationOf(text: string): Citation {
  const spans = codeSpans(text.replace(/"[^"]*"/g, ''));
  const isPath = (span: string): boolean => /^(?:tests|src|bench|otel)\//.test(span);
  const quoted = [...text.matchAll(/"([^"]*)"/g)].map(([, name = '']) => name);
  return {
    text,
    files: spans.filter(isPath),
    names: [...quoted, ...spans.filter((span) => !isPath(span) && span.includes(' '))],
  };
}
