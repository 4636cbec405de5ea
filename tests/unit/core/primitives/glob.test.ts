import { describe, expect, test } from 'bun:test';
import fc from 'fast-check';
import { globMatcher } from '../../../../src/core/primitives/glob.ts';

/** The plainest reading of a glob: tries every way, so it is right and slow. */
function reference(glob: readonly string[], text: readonly string[]): boolean {
  const [head, ...rest] = glob;
  if (head === undefined) return text.length === 0;
  if (head === '*') return reference(rest, text) || (text.length > 0 && reference(glob, text.slice(1)));
  if (text.length === 0) return false;
  if (head === '?') return reference(rest, text.slice(1));
  if (head === '\\' && rest.length > 0) return rest[0] === text[0] && reference(rest.slice(1), text.slice(1));
  return head === text[0] && reference(rest, text.slice(1));
}

/** Few letters, so that patterns and texts meet. */
const letters = fc.constantFrom('a', 'b', '*', '?', '\\', '[', ']', '^', '🐎', ':');
const anyGlob = fc.array(letters, { maxLength: 8 });
const anyText = fc.array(letters, { maxLength: 8 });

describe('a glob', () => {
  test('matches what the plainest reading of it matches', () => {
    fc.assert(
      fc.property(anyGlob, anyText, (glob, text) => {
        expect(globMatcher(glob.join(''))(text.join(''))).toBe(reference(glob, text));
      }),
      { numRuns: 5_000 },
    );
  });

  test('matches its own escaped text and no other', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), fc.string({ unit: 'binary' }), (text, other) => {
        const matches = globMatcher(text.replace(/[*?\\]/gu, '\\$&'));
        expect(matches(text)).toBe(true);
        expect(matches(other)).toBe(other === text);
      }),
    );
  });

  test('needs no more steps than pattern times text, however it is written', () => {
    const matches = globMatcher(`${'a*'.repeat(60)}b`);
    const began = performance.now();
    expect(matches('a'.repeat(1_000))).toBe(false);
    expect(performance.now() - began).toBeLessThan(500);
  });
});
