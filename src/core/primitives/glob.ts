/**
 * Compiles a glob over logical keys into a matcher. Both tiers use the same one. `*` matches any run of characters, and
 * `?` any single one. A backslash takes the next character literally. Every other character matches itself; character
 * classes do not exist.
 *
 * Matching is linear in practice and never worse than pattern × text. It keeps two pointers and one point to return to.
 * It uses no recursion, and builds no regular expression from input.
 */
export function globMatcher(glob: string): (text: string) => boolean {
  const pattern = parse(glob);
  return (text) => matches(pattern, text);
}

const ANY = 0;

const ONE = 1;

type Part = string | typeof ANY | typeof ONE;

function parse(glob: string): Part[] {
  const parts: Part[] = [];
  const characters = [...glob];
  for (let index = 0; index < characters.length; index += 1) {
    const character = characters[index] ?? '';
    if (character === '*') {
      if (parts.at(-1) !== ANY) parts.push(ANY);
    } else if (character === '?') parts.push(ONE);
    else if (character === '\\') {
      index += 1;
      parts.push(characters[index] ?? '\\');
    } else parts.push(character);
  }
  return parts;
}

function matches(pattern: readonly Part[], text: string): boolean {
  const characters = [...text];
  let at = 0;
  let part = 0;
  let lastAny = -1;
  let retryFrom = 0;
  while (at < characters.length) {
    const expected = pattern[part];
    if (expected === ANY) {
      lastAny = part;
      retryFrom = at;
      part += 1;
    } else if (expected !== undefined && (expected === ONE || expected === characters[at])) {
      part += 1;
      at += 1;
    } else if (lastAny !== -1) {
      // The last `*` takes one more character.
      part = lastAny + 1;
      retryFrom += 1;
      at = retryFrom;
    } else return false;
  }
  while (pattern[part] === ANY) part += 1;
  return part === pattern.length;
}
