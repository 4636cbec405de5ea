import { describe, expect, test } from 'bun:test';
import {
  cycles,
  expectNone,
  type Layer,
  misnamed,
  pastTheDoor,
  roomsOf,
  tooLong,
  uses,
  type Violation,
  wrongRoom,
  wrongWay,
} from './architecture.ts';
import {
  ENVIRONMENT,
  ESCAPE_FROM_TOOLS,
  ESCAPE_FROM_TYPES,
  HOME_OF_SOMEBODY,
  LOOSE_EXPORT,
  PACKAGE_REGISTRY,
  RUNTIME,
  TEST_SWITCH,
  TIME_AND_CHANCE,
  UNFINISHED_TEST,
} from './architecture-patterns.ts';
import { sourceOf } from './sources.ts';

const LAYERS: Readonly<Record<string, Layer>> = {
  core: { layers: [], packages: [] },
  'adapters/redis': { layers: ['core'], packages: ['ioredis', 'node:'] },
  'adapters/lru': { layers: ['core'], packages: ['lru-cache'] },
  service: { layers: ['core', 'adapters/redis'], packages: ['node:'] },
};

const places = (violations: readonly Violation[]) => violations.map(({ path, line }) => `${path}:${line}`);
const checkDirection = (path: string, text: string) => places(wrongWay([sourceOf(path, text)], LAYERS));

describe('the direction of imports', () => {
  test('is kept by what is allowed', () => {
    const text = "import { a } from '../../core/a.ts';\nimport { Redis } from 'ioredis';\nimport 'node:net';\n";
    expect(checkDirection('src/adapters/redis/a.ts', text)).toEqual([]);
    expect(checkDirection('src/service/a.ts', "import { redis } from '../adapters/redis/index.ts';")).toEqual([]);
    expect(checkDirection('src/core/a.ts', "// import 'ioredis'\nconst text = `import 'ioredis'`;")).toEqual([]);
  });

  test.each([
    ['a package', "import { Redis } from 'ioredis';"],
    ['the types of a package', "\nimport type { Redis } from 'ioredis';"],
    ['a list of names over several lines', "import {\n  a,\n  b,\n} from 'ioredis';"],
    ['a built-in module', "import { connect } from 'node:net';"],
    ['an import without names', "import 'ioredis';"],
    ['a dynamic import', "const redis = await import('ioredis');"],
    ['the type of an import', "type Redis = import('ioredis').Redis;"],
    ['an export from elsewhere', "export { Redis } from 'ioredis';"],
    ['another layer', "import type { Redis } from '../adapters/redis/index.ts';"],
    ['a file outside of the layers', "import { spawnChild } from '../../tests/support/child.ts';"],
  ])('is broken by %s', (_, text) => {
    const line = text.trimEnd().split('\n').length;
    expect(checkDirection('src/core/a.ts', text)).toEqual([`src/core/a.ts:${line}`]);
  });

  test('is broken by one adapter that uses another, by a back door and by an unknown layer', () => {
    expect(checkDirection('src/adapters/lru/a.ts', "import '../redis/index.ts';")).toHaveLength(1);
    expect(checkDirection('src/service/a.ts', "import '../adapters/redis/bus.ts';")).toHaveLength(1);
    expect(checkDirection('src/extras/a.ts', '')).toHaveLength(1);
  });
});

describe('the rooms of the core', () => {
  const rooms = { model: [], state: ['model'], root: ['state', 'model'] };
  const check = (path: string, text: string) => places(wrongRoom([sourceOf(path, text)], rooms));
  const doors = { all: ['model', 'root'], of: { service: ['state'] } };
  const enter = (path: string, text: string) => places(pastTheDoor([sourceOf(path, text)], doors));

  test('are left only for the rooms below', () => {
    expect(check('src/core/state/a.ts', "import '../model/a.ts';\nimport './b.ts';")).toEqual([]);
    expect(check('src/core/a.ts', "import './state/a.ts';")).toEqual([]);
    expect(check('src/core/model/a.ts', "import type { A } from '../state/a.ts';")).toEqual(['src/core/model/a.ts:1']);
    expect(check('src/core/state/a.ts', "import '../a.ts';")).toEqual(['src/core/state/a.ts:1']);
    expect(check('src/core/attic/a.ts', '')).toEqual(['src/core/attic/a.ts:1']);
  });

  test('are entered from outside by open doors', () => {
    expect(enter('src/service/a.ts', "import '../core/state/a.ts';\nimport '../core/a.ts';")).toEqual([]);
    expect(enter('src/telemetry/a.ts', "import '../core/model/a.ts';")).toEqual([]);
    expect(enter('src/telemetry/a.ts', "import '../core/state/a.ts';")).toEqual(['src/telemetry/a.ts:1']);
  });
});

test('rings of imports are found, type imports counted, and lines and stars are not', () => {
  const source = (name: string, ...imported: string[]) =>
    sourceOf(`src/${name}.ts`, imported.map((one) => `import type { ${one} } from './${one}.ts';\n`).join(''));
  expect(cycles([source('a', 'b', 'c'), source('b', 'c'), source('c')])).toEqual([]);
  const [ring] = cycles([source('a', 'b'), source('b', 'd', 'c'), source('c', 'a'), source('d')]);
  expect(ring?.problem).toBe('a ring of imports: src/a.ts → src/b.ts → src/c.ts → src/a.ts');
  expect(cycles([source('a', 'a')])).toHaveLength(1);
});

test('rings of folders are found; a file beside folders is a room of its own', () => {
  const source = (path: string, ...imported: string[]) =>
    sourceOf(path, imported.map((one) => `import type { x } from '${one}';\n`).join(''));
  const above = source('src/top.ts', './one/a.ts');
  const [one, two] = [source('src/one/a.ts', '../two/b.ts'), source('src/two/c.ts')];
  expect(cycles(roomsOf([above, one, two, source('src/two/b.ts')]))).toEqual([]);
  const [ring] = cycles(
    roomsOf([above, one, source('src/two/b.ts'), source('src/two/c.ts', '../one/d.ts'), source('src/one/d.ts')]),
  );
  expect(ring?.problem).toBe('a ring of imports: src/one → src/two → src/one');
});

describe('patterns', () => {
  test.each<[string, RegExp, string[], string[]]>([
    [
      'runtime',
      RUNTIME,
      ['Bun.hash(a)', 'process.pid', 'Buffer.from(a)', 'console.log()'],
      ['{ process: 1 }', 'reprocess'],
    ],
    [
      'time and chance',
      TIME_AND_CHANCE,
      ['Date.now()', 'new Date()', 'setTimeout(f)', 'Math.random()', 'performance.now()', 'crypto.randomUUID()'],
      ['clock.now()', 'Math.min(a)', 'updated', 'Dated'],
    ],
    [
      'environment',
      ENVIRONMENT,
      ['process.env.A', 'Bun.env', 'process?.env', 'import.meta.env'],
      ['config.env', 'environment'],
    ],
    ['test switch', TEST_SWITCH, ["env['NODE_ENV']", "import 'bun:test'"], ['isTestable', 'latest']],
    [
      'loose export',
      LOOSE_EXPORT,
      ["export * from './a.ts'", "export type * from './a.ts'", 'export default a'],
      ['export const a = 1 * 2'],
    ],
    ['types', ESCAPE_FROM_TYPES, ['a as any', 'let a: any;', 'Map<any, string>', 'any[]'], ['many', 'company: string']],
    [
      'tools',
      ESCAPE_FROM_TOOLS,
      ['// @ts-ignore', '// biome-ignore lint: no'],
      ['// @ts-expect-error the name is wrong'],
    ],
    [
      'unfinished test',
      UNFINISHED_TEST,
      ["test.skip('a')", "describe.only('a')", "test.todo('a')"],
      ['latest.skip()', 'test.each([])'],
    ],
    [
      'one machine',
      HOME_OF_SOMEBODY,
      ['/home/ann/a', '"/Users/ann"', '/root/a', 'C:\\Users\\ann'],
      ['https://a.org/home/page', './work/a', '/usr/lib'],
    ],
    [
      'registry',
      PACKAGE_REGISTRY,
      ['https://registry.example.org/a', '//a/:_authToken=b'],
      ['the registry.', 'registry.set(a)'],
    ],
  ])('of %s match what they forbid and nothing else', (_, pattern, forbidden, allowed) => {
    for (const text of forbidden) expect(text.match(pattern)).not.toBeNull();
    for (const text of allowed) expect(text.match(pattern)).toBeNull();
  });

  test('look at code alone, and name the line', () => {
    const text = "// Date.now()\nconst a = 'Date.now()';\nconst b = `Date.now()`;\nconst c = Date.now();\n";
    expect(places(uses([sourceOf('src/core/a.ts', text)], TIME_AND_CHANCE, 'no'))).toEqual(['src/core/a.ts:4']);
  });
});

test('long files and names that are not in kebab case are found, and every violation is told', () => {
  const long = sourceOf('src/a.ts', 'a;\n'.repeat(351));
  expect(places(tooLong([long, sourceOf('src/b.ts', 'a;\n'.repeat(350))], 350))).toEqual(['src/a.ts:351']);
  const names = ['src/aB.ts', 'src/a_b.ts', 'src/A.test.ts', 'src/a-b.ts', 'a.test.ts', '001-a.sql', 'README.md'];
  expect(misnamed(names).map(({ path }) => path)).toEqual(['src/aB.ts', 'src/a_b.ts', 'src/A.test.ts']);
  expect(() => expectNone([])).not.toThrow();
  expect(() => expectNone([{ path: 'src/a.ts', line: 7, problem: 'no' }])).toThrow('src/a.ts:7  no');
});
