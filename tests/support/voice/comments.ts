import { scanText } from '../source-text.ts';

/** Finds the comments of TypeScript, each as one line of words. Line comments that follow each other are one comment. */
export function commentsOf(text: string): string[] {
  const { code } = scanText(text);
  const found: string[] = [];
  let open = '';
  let openEnd = -1;

  const close = (): void => {
    if (open !== '') found.push(open);
    open = '';
  };

  for (let at = 0; at < text.length; at += 1) {
    if (text[at] !== '/' || code[at] === '/') continue;
    const isBlock = text[at + 1] === '*';
    const end = isBlock ? endOfBlock(text, at) : endOfLine(text, at);
    const words = wordsOf(text.slice(at, end));
    const continues = !isBlock && openEnd !== -1 && /^\n[ \t]*$/.test(text.slice(openEnd, at));
    if (continues) open = `${open} ${words}`.trim();
    else {
      close();
      open = words;
    }
    openEnd = isBlock || !standsAlone(text, at) ? -1 : end;
    at = end - 1;
  }
  close();
  return found;
}

function endOfBlock(text: string, start: number): number {
  const end = text.indexOf('*/', start + 2);
  return end === -1 ? text.length : end + 2;
}

function endOfLine(text: string, start: number): number {
  const end = text.indexOf('\n', start);
  return end === -1 ? text.length : end;
}

/** Tells a comment on a line of its own from one behind code. */
function standsAlone(text: string, at: number): boolean {
  return text.slice(text.lastIndexOf('\n', at) + 1, at).trim() === '';
}

function wordsOf(comment: string): string {
  return comment
    .replace(/^\/\*\*?|\*\/$/g, '')
    .replace(/^[ \t]*(?:\/\/|\*)/gm, '')
    .replace(/\s+/g, ' ')
    .trim();
}
