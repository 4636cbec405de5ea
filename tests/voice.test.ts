import { describe, expect, test } from 'bun:test';
import { commentsOf } from './support/voice/comments.ts';
import { comments, documents, type VoicedFile } from './support/voice/corpus.ts';
import {
  BOUNDS,
  measure,
  namelessPerThousand,
  offending,
  riddlePercent,
  type VoiceBounds,
} from './support/voice/measure.ts';
import { NOT_YET_DONE } from './support/voice/not-yet-done.ts';
import { paragraphsOf } from './support/voice/paragraphs.ts';

/** Counts over src and otel when the list of folders that are not yet done was made. They only become less. */
const WHEN_LISTED = { riddles: 407, nameless: 153 };

const sources = comments('src', 'otel');

function expectWithin(files: readonly VoicedFile[], bounds: VoiceBounds): void {
  const texts = files.flatMap((file) => file.texts);
  const voice = measure(texts);
  const examples = offending(texts).slice(0, 10);
  if (riddlePercent(voice) > bounds.riddlePercent || namelessPerThousand(voice) > bounds.namelessPerThousand)
    throw new Error(`bun run voice says more; for example\n  ${examples.join('\n  ')}`);
}

describe('plain voice', () => {
  test('the comments of src and otel name their subject and their actor', () => {
    expect(sources.length).toBeGreaterThan(100);
    expectWithin(
      sources.filter(({ group }) => !NOT_YET_DONE.has(group)),
      BOUNDS,
    );
  });

  test('the folders that are not yet rewritten do not become worse', () => {
    const { riddles, nameless } = measure(sources.flatMap(({ texts }) => texts));
    expect(riddles).toBeLessThanOrEqual(WHEN_LISTED.riddles);
    expect(nameless).toBeLessThanOrEqual(WHEN_LISTED.nameless);
  });

  test('the documents name their subject and their actor', () => {
    expect(documents().length).toBeGreaterThan(10);
    expectWithin(documents(), BOUNDS);
  });
});

describe('the measure of voice', () => {
  test('finds comments of each form, and no text in a string', () => {
    const text = [
      "const url = 'http://who.example'; // How it ends.",
      '/** Whether it is',
      ' * ready. */',
      '// What is',
      '  // here.',
      'const pattern = /\\/\\*/; const other = `// who`;',
      '/* Closes. */',
    ].join('\n');
    expect(commentsOf(text)).toEqual(['How it ends.', 'Whether it is ready.', 'What is here.', 'Closes.']);
  });

  test('finds paragraphs, items and cells of a document, and leaves out code, headings and questions', () => {
    const text = [
      '# How it works',
      'Whoever reads',
      'this.',
      '',
      '- Who is it?',
      '- One `a | b` item',
      '  goes on.',
      '- Another.',
      '',
      '| what | file |',
      '| ---- | ---- |',
      '| `a`, how \\| b | c |',
      '```ts',
      '// nobody',
      '```',
    ].join('\n');
    expect(paragraphsOf(text)).toEqual([
      'Whoever reads this.',
      'One code item goes on.',
      'Another.',
      'what',
      'file',
      'code, how \\| b',
      'c',
    ]);
  });

  test('counts openings and words without an actor', () => {
    const voice = measure(['What nobody knows.', 'The caller knows.', 'However, someone waits.']);
    expect(voice).toEqual({ texts: 3, words: 9, riddles: 1, nameless: 2 });
  });
});
