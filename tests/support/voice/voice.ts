import { parseArgs } from 'node:util';
import { comments, documents, type VoicedFile, voices } from './corpus.ts';
import {
  add,
  BOUNDS,
  isWithin,
  measure,
  namelessPerThousand,
  offending,
  riddlePercent,
  type Voice,
} from './measure.ts';
import { NOT_YET_DONE } from './not-yet-done.ts';

const HELP = `Measures the voice of comments and documents, by folder.

  bun run voice                 the sources and the documents
  bun run voice --all           tests, benchmarks and examples as well
  bun run voice --list src/core every comment under a path that begins with a question word or names no actor

"riddles" begin with What, Whether, How or Who; "nameless" are nobody, somebody, whoever and their like, per 1,000 words.
Bounds: ${BOUNDS.riddlePercent} % and ${BOUNDS.namelessPerThousand}.`;

const { values } = parseArgs({
  options: { help: { type: 'boolean' }, all: { type: 'boolean' }, list: { type: 'string' } },
});

if (values.help === true) console.log(HELP);
else if (values.list === undefined) report(values.all === true);
else list(values.list);

function report(withTests: boolean): void {
  show('comments of src and otel', comments('src', 'otel'));
  if (withTests) show('comments of tests, bench and examples', comments('tests', 'bench', 'examples'));
  show('documents', documents());
}

function show(title: string, files: readonly VoicedFile[]): void {
  const groups = [...voices(files)].sort(([one], [other]) => (one < other ? -1 : 1));
  console.log(`\n${title}`);
  for (const [group, voice] of groups) console.log(`${row(group, voice)}${remark(group, voice)}`);
  console.log(row('together', groups.map(([, voice]) => voice).reduce(add, measure([]))));
}

function row(name: string, voice: Voice): string {
  const { texts, words, riddles, nameless } = voice;
  const shares = `${riddlePercent(voice).toFixed(1).padStart(5)} %, ${namelessPerThousand(voice).toFixed(1)}/1000`;
  const counts = `${String(texts).padStart(5)} texts ${String(words).padStart(6)} words`;
  return `  ${name.padEnd(32)} ${counts} ${String(riddles).padStart(4)} riddles ${String(nameless).padStart(3)} nameless ${shares}`;
}

function remark(group: string, voice: Voice): string {
  if (!NOT_YET_DONE.has(group)) return isWithin(voice, BOUNDS) ? '' : '  beyond the bounds';
  return isWithin(voice, BOUNDS) ? '  may leave not-yet-done.ts' : '  not yet done';
}

function list(prefix: string): void {
  const files = [...comments('src', 'otel', 'tests', 'bench', 'examples'), ...documents()];
  for (const { path, texts } of files.filter((file) => file.path.startsWith(prefix)))
    for (const text of offending(texts)) console.log(`${path}: ${text.slice(0, 160)}`);
}
