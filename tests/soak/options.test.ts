import { expect, test } from 'bun:test';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseOptions, UsageError } from './options.ts';

test('a soak has defaults, and a seed of its own', () => {
  const options = parseOptions([]);
  expect(options).toMatchObject({ minutes: 10, every: 10, instances: 3 });
  expect(Number.isSafeInteger(options?.seed)).toBe(true);
});

test('everything can be chosen, and help asked for', () => {
  const given = ['--minutes', '0.5', '--every=5', '--seed', '7', '--instances', '4'];
  expect(parseOptions(given)).toEqual({ minutes: 0.5, every: 5, seed: 7, instances: 4 });
  expect(parseOptions(['--help'])).toBeUndefined();
});

test('what makes no sense is refused by name', () => {
  for (const given of ['--minutes=0', '--every=x', '--instances=1', '--seed=1.5', '--seed=']) {
    const name = given.slice(0, given.indexOf('='));
    expect(() => parseOptions([given])).toThrow(new RegExp(`^${name} cannot be`));
  }
  expect(() => parseOptions(['--forever'])).toThrow(UsageError);
});

test('each program of this folder says by --help how it is used, and starts nothing', async () => {
  const isProgram = (file: string) =>
    /^(?:if \(import\.meta\.main|process\.exitCode = |else await )/m.test(textOf(file));
  const programs = readdirSync(import.meta.dir).filter((file) => file.endsWith('.ts') && isProgram(file));
  expect(programs).toContain('burst.ts');
  expect(programs.length).toBeGreaterThanOrEqual(7);
  const asked = programs.map(async (file) => {
    const child = Bun.spawn([process.execPath, join(import.meta.dir, file), '--help'], { stderr: 'pipe' });
    const [output, exitCode] = await Promise.all([new Response(child.stdout).text(), child.exited]);
    return [file, exitCode, output.slice(0, 10), output.includes(`${file} `) || output.includes('bun run soak')];
  });
  expect(await Promise.all(asked)).toEqual(programs.map((file) => [file, 0, 'Usage: bun', true]));
}, 60_000);

function textOf(file: string): string {
  return readFileSync(join(import.meta.dir, file), 'utf8');
}
