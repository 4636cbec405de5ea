import { expect, test } from 'bun:test';
import { scanText } from './source-text.ts';

/** Samples write `#{` for the opening of a template expression: the linter takes a string with the real one for a mistake. */
const real = (sample: string) => sample.replaceAll('#{', '${');

const squeeze = (text: string) => text.replace(/ +/g, ' ').trim();

test.each([
  ['a // b', 'a', 'a'],
  ['a /* b */ c', 'a c', 'a c'],
  ["'b // c' d", "'b // c' d", "' ' d"],
  ['"it\\"s" d', '"it\\"s" d', '" " d'],
  ['`a #{b + `c #{d}`} e` f', '`a #{b + `c #{d}`} e` f', '` #{b + ` #{d}`} ` f'],
  ['`#{{ a: 1 }.a} b` // c', '`#{{ a: 1 }.a} b`', '`#{{ a: 1 }.a} `'],
  ["x = /'[/']/g; y", "x = /'[/']/g; y", 'x = / /g; y'],
  ['a / b // c', 'a / b', 'a / b'],
  ["return /'/.test(a) / 2", "return /'/.test(a) / 2", 'return / /.test(a) / 2'],
  ['/* open', '', ''],
])('%s', (text, code, bare) => {
  const scanned = scanText(real(text));
  expect(squeeze(scanned.code)).toBe(real(code));
  expect(squeeze(scanned.bare)).toBe(real(bare));
  expect(scanned.bare).toHaveLength(text.length);
});

test('lines keep their places', () => {
  const text = real('/* a\n b */\n`c\n#{d}`\n');
  expect(scanText(text).bare.split('\n')).toHaveLength(text.split('\n').length);
});
