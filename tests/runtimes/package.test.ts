import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from 'bun:test';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import manifest from '../../package.json' with { type: 'json' };
import { createDatabase, type TestDatabase } from '../support/postgres-server.ts';
import { sharedRedis, uniqueNamespace } from '../support/redis-server.ts';
import { SERVERS_TIME_LIMIT_MS } from '../support/time-limit.ts';
import { type PackedPackage, packAndInstall } from './packed-package.ts';
import { run } from './run.ts';
import { installToolchain, type Toolchain } from './toolchain.ts';

setDefaultTimeout(SERVERS_TIME_LIMIT_MS);

const ROOT = join(import.meta.dir, '../..');
const PATIENCE_MS = 180_000;

let tools: Toolchain;
let packed: PackedPackage;

beforeAll(async () => {
  tools = await installToolchain();
  packed = await packAndInstall(tools);
}, PATIENCE_MS);

afterAll(() => packed?.[Symbol.dispose]());

describe('the packed package', () => {
  test('holds what it exports, and neither sources nor tests', async () => {
    const { stdout } = await run(['tar', '--list', '--gzip', '--file', packed.tarball], { cwd: packed.project });
    const files = stdout
      .trim()
      .split('\n')
      .map((file) => file.replace('package/', './'));
    const exported = Object.values(manifest.exports).flatMap((target) =>
      typeof target === 'string' ? [target] : Object.values(target),
    );
    expect(files).toEqual(expect.arrayContaining(exported));
    const linked = ['README.md', 'SECURITY.md', 'docs/consistency.md', 'docs/operations.md', 'docs/security.md'];
    expect(files).toEqual(expect.arrayContaining(linked.map((file) => `./${file}`)));
    const wanted = /^\.\/(?:dist\/.+\.(?:js|d\.ts)|docs\/[A-Za-z-]+\.md|[A-Za-z]+(?:\.md|\.json)?)$/;
    expect(files.filter((file) => !wanted.test(file))).toEqual([]);
  });

  test('brings no dependency of its own', () => {
    const installed = readFileSync(join(packed.project, 'node_modules/tiercel/package.json'), 'utf8');
    expect(JSON.parse(installed)).not.toHaveProperty('dependencies');
  });

  test('pleases publint', async () => {
    const publint = join(ROOT, 'node_modules/publint/src/cli.js');
    const { stdout } = await run([...tools.node24, publint, 'run', packed.tarball, '--strict'], {
      cwd: packed.project,
    });
    expect(stdout).toContain('All good!');
  });

  test(
    'has types that resolve everywhere',
    async () => {
      const attw = join(ROOT, 'node_modules/@arethetypeswrong/cli/dist/index.js');
      await run([...tools.node24, attw, packed.tarball, '--profile', 'esm-only'], { cwd: packed.project });
    },
    PATIENCE_MS,
  );

  test.each(['Bundler', 'NodeNext'])(
    'has types that need no types of a runtime (%s)',
    async (moduleResolution) => {
      const tsconfig = {
        compilerOptions: {
          target: 'ES2024',
          lib: ['ES2024', 'ESNext.Disposable', 'DOM'],
          module: moduleResolution === 'NodeNext' ? 'NodeNext' : 'ESNext',
          moduleResolution,
          strict: true,
          exactOptionalPropertyTypes: true,
          noEmit: true,
          types: [],
        },
        files: [packed.add('consumer.ts')],
      };
      writeFileSync(join(packed.project, 'tsconfig.json'), JSON.stringify(tsconfig));
      await run([...tools.node24, join(ROOT, 'node_modules/typescript/bin/tsc'), '--project', '.'], {
        cwd: packed.project,
      });
    },
    PATIENCE_MS,
  );
});

describe('the smoke script', () => {
  let database: TestDatabase;
  beforeAll(async () => {
    database = await createDatabase();
  }, PATIENCE_MS);
  afterAll(() => database.drop());

  const runtimes: [string, string, (tools: Toolchain) => readonly [string, ...string[]]][] = [
    ['Bun', `Bun/${manifest.devDependencies.bun}`, ({ bun }) => bun],
    [
      'Deno',
      `Deno/${manifest.devDependencies.deno}`,
      ({ deno }) => [...deno, 'run', '--quiet', '--no-remote', '--allow-all'],
    ],
    // It still calls the stripping of types an experiment.
    ['Node 22', 'Node.js/22', ({ node22 }) => [...node22, '--no-warnings']],
    ['Node 24', 'Node.js/24', ({ node24 }) => node24],
  ];
  test.each(runtimes)(
    'passes on %s and ends by itself',
    async (_, userAgent, command) => {
      packed.add('own-tests.ts');
      const script = [packed.add('smoke.ts'), await sharedRedis(), uniqueNamespace('smoke'), database.url];
      const output = await run([...command(tools), ...script], { cwd: packed.project });
      expect(output).toEqual({ stdout: `smoke passed on ${userAgent}\n`, stderr: '' });
    },
    PATIENCE_MS,
  );

  test.each(runtimes)(
    'and every call runs user code in the context of its caller, on %s',
    async (_, _userAgent, command) => {
      const script = [packed.add('context-matrix.ts'), await sharedRedis(), uniqueNamespace('contexts')];
      const output = await run([...command(tools), ...script], { cwd: packed.project });
      expect(output.stdout).toMatch(/^contexts: 0 wrong of [1-9]\d{3,}; over HTTP 0 wrong of 1280\n$/);
      expect(output.stderr).toBe('');
    },
    PATIENCE_MS,
  );

  test.each(runtimes)(
    'and a program lives while a caller waits for a load, whatever the limit of the wait, on %s',
    async (_, _userAgent, command) => {
      const output = await run([...command(tools), packed.add('hung-loader.ts')], { cwd: packed.project });
      expect(output).toEqual({ stdout: 'LOAD_TIMEOUT\nlate\n', stderr: '' });
    },
    PATIENCE_MS,
  );
});
