/**
 * Returns true for a text that repeats a short one, `times` times or more: `abcdefgh` four times is no better than once.
 * The last repetition may be cut short.
 */
export function isRepetition(text: string, times: number): boolean {
  for (let length = 1; length <= text.length / times; length += 1) {
    if (text.slice(length) === text.slice(0, -length)) return true;
  }
  return false;
}
