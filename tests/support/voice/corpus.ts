import { projectFiles, readProjectFile } from '../sources.ts';
import { commentsOf } from './comments.ts';
import { add, measure, type Voice } from './measure.ts';
import { paragraphsOf } from './paragraphs.ts';

/** One file with its comments or paragraphs. */
export interface VoicedFile {
  readonly path: string;
  /** Files of one folder are measured together; a document stands for itself. */
  readonly group: string;
  readonly texts: readonly string[];
}

/** Folders below this depth are measured with their parent. */
const FOLDER_DEPTH = 3;

/** Comments of the TypeScript files in these folders. */
export function comments(...folders: readonly string[]): VoicedFile[] {
  return projectFiles()
    .filter((path) => path.endsWith('.ts') && folders.some((folder) => path.startsWith(`${folder}/`)))
    .map((path) => ({ path, group: folderOf(path), texts: commentsOf(readProjectFile(path)) }));
}

/** Documents that a program writes. */
const GENERATED = 'bench/results/';

/** Paragraphs of the documents. */
export function documents(): VoicedFile[] {
  return projectFiles()
    .filter((path) => path.endsWith('.md') && !path.startsWith(GENERATED))
    .map((path) => ({ path, group: path, texts: paragraphsOf(readProjectFile(path)) }));
}

/** Measures each group. */
export function voices(files: readonly VoicedFile[]): Map<string, Voice> {
  const groups = new Map<string, Voice>();
  for (const { group, texts } of files) {
    const voice = measure(texts);
    const known = groups.get(group);
    groups.set(group, known === undefined ? voice : add(known, voice));
  }
  return groups;
}

function folderOf(path: string): string {
  return path.split('/').slice(0, -1).slice(0, FOLDER_DEPTH).join('/');
}
