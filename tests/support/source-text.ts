/** A source text twice over; every character keeps its place, so that lines can be named. */
export interface ScannedText {
  /** Without comments. */
  readonly code: string;
  /** Without comments and without what strings, templates and regular expressions hold. */
  readonly bare: string;
}

const REGEX_MAY_FOLLOW = /(?:^|[(,=:[!&|?{};+\-*%<>~^]|\b(?:return|typeof|case|in|of|await|yield))$/;

/** Blanks comments and texts out of TypeScript. Knows as much of the language as telling them apart takes. */
export function scanText(text: string): ScannedText {
  const code = text.split('');
  const bare = text.split('');
  /** For each template expression around the place: how many of its own braces are open. */
  const expressions: number[] = [];
  let at = 0;

  const blank = (target: string[], from: number, to: number) => {
    for (let i = from; i < to; i++) if (target[i] !== '\n') target[i] = ' ';
  };
  const skipComment = (end: number) => {
    const stop = end === -1 ? text.length : end;
    blank(code, at, stop);
    blank(bare, at, stop);
    at = stop;
  };
  const skipText = (end: number) => {
    blank(bare, at + 1, end);
    at = end + 1;
  };
  const skipTemplate = () => {
    const end = endOf(text, at + 1, /`|\$\{/y);
    blank(bare, at + 1, end);
    const opensExpression = text[end] === '$';
    if (opensExpression) expressions.push(0);
    at = end + (opensExpression ? 2 : 1);
  };
  const countBrace = (change: 1 | -1) => {
    const open = expressions.pop();
    if (open === 0 && change === -1) return skipTemplate();
    if (open !== undefined) expressions.push(open + change);
    at++;
  };

  while (at < text.length) {
    const char = text[at];
    if (text.startsWith('//', at)) skipComment(text.indexOf('\n', at));
    else if (text.startsWith('/*', at)) skipComment(endOfComment(text, at));
    else if (char === "'" || char === '"') skipText(endOf(text, at + 1, char === "'" ? /'|\n/y : /"|\n/y));
    else if (char === '`') skipTemplate();
    else if (char === '{') countBrace(1);
    else if (char === '}') countBrace(-1);
    else if (
      char === '/' &&
      REGEX_MAY_FOLLOW.test(
        code
          .slice(Math.max(0, at - 80), at)
          .join('')
          .trimEnd(),
      )
    )
      skipText(endOf(text, at + 1, /\/|\n/y, /\[(?:\\.|[^\]\\])*\]/y));
    else at++;
  }
  return { code: code.join(''), bare: bare.join('') };
}

function endOfComment(text: string, start: number): number {
  const end = text.indexOf('*/', start + 2);
  return end === -1 ? text.length : end + 2;
}

/** Where `stop` matches first from `start` on, beyond escaped characters and whatever `skip` matches. */
function endOf(text: string, start: number, stop: RegExp, skip?: RegExp): number {
  for (let i = start; i < text.length; i++) {
    if (text[i] === '\\') i++;
    else if (matchesAt(stop, text, i)) return i;
    else if (skip && matchesAt(skip, text, i)) i = skip.lastIndex - 1;
  }
  return text.length;
}

function matchesAt(pattern: RegExp, text: string, at: number): boolean {
  pattern.lastIndex = at;
  return pattern.test(text);
}
