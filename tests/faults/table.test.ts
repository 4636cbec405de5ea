import { expect, test } from 'bun:test';
import { readdirSync, readFileSync } from 'node:fs';

const files = readdirSync(import.meta.dirname).filter((name) => name.endsWith('.test.ts') && name !== 'table.test.ts');
const table = readFileSync(`${import.meta.dirname}/README.md`, 'utf8');

test('the table of faults names a test for each of them, and each test', () => {
  const rows = table.split('\n').filter((line) => /^\| (?!fault|-|`|program)/.test(line));
  expect(rows.filter((row) => !/\[[\w-]+\]\([\w-]+\.test\.ts\)\s*\|$/.test(row))).toEqual([]);
  const named = [...table.matchAll(/\[([\w-]+)\]\(([\w-]+\.test\.ts)\)/g)].map(([, name, file]) => {
    expect(file).toBe(`${name}.test.ts`);
    return file;
  });
  expect([...new Set(named)].sort()).toEqual(files.sort());
});
