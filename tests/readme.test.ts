import { describe, expect, setDefaultTimeout, test } from 'bun:test';
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import postgres from 'postgres';
import { DEFAULTS } from '../src/index.ts';
import { createDatabase } from './support/postgres-server.ts';
import { sharedRedis, uniqueNamespace } from './support/redis-server.ts';
import { SERVERS_TIME_LIMIT_MS } from './support/time-limit.ts';

setDefaultTimeout(SERVERS_TIME_LIMIT_MS);

const ROOT = join(import.meta.dir, '..');
const README = readFileSync(join(ROOT, 'README.md'), 'utf8');
const LINES = README.split('\n');

/** What the snippets take for granted: their imports, and something to load. */
const PRELUDE = `
import postgres from 'postgres';
import { createCache } from 'tiercel';
import { lru } from 'tiercel/lru';
import { redis } from 'tiercel/redis';
const load = () => ({ any: 'value' });
const sql = postgres(process.env.DATABASE_URL ?? '', { max: 2, onnotice: () => {} });
const loadProduct = async (id: number, _signal: AbortSignal) => ({ id });
`;

function snippets(): string[] {
  return [...README.matchAll(/^```ts\n([\s\S]*?)^```/gm)].map(([, code = '']) => code);
}

describe('the README', () => {
  test('shows code before line 25', () => {
    expect(LINES.indexOf('```ts')).toBeLessThan(25);
  });

  test('has code that runs', async () => {
    const url = await sharedRedis();
    await using database = await createDatabase();
    await using sql = new AsyncDisposableStack();
    const admin = sql.adopt(postgres(database.url, { max: 1 }), (client) => client.end());
    await admin`create table books (id int, author text)`;
    expect(snippets().length).toBeGreaterThanOrEqual(2);
    for (const [index, code] of snippets().entries()) {
      const imports = code.match(/^import .*'(?:tiercel\/(?:postgres|testing)|superjson)';\n/gm) ?? [];
      const body = code
        .replace(/^import .*\n/gm, '')
        .replaceAll(
          "redis('redis://127.0.0.1:6379')",
          `redis('${url}', { namespace: '${uniqueNamespace('readme')}' })`,
        );
      const end = body.includes('cache.close()') ? '' : '\nawait cache.close();';
      await runScript(
        `readme-${index}`,
        `${imports.join('')}${PRELUDE}\n${body}${end}\nawait sql.end();`,
        database.url,
      );
    }
  });

  test('tells every default as it is', () => {
    const rows = new Map(
      LINES.flatMap((line) => {
        const cells = /^\| `(\w+)` +\| (.+?) +\|/.exec(line);
        return cells ? [[cells[1] ?? '', (cells[2] ?? '').replaceAll('`', '')] as const] : [];
      }),
    );
    for (const [option, value] of Object.entries(DEFAULTS)) {
      const expected = Array.isArray(value) ? 'none' : typeof value === 'string' ? `'${value}'` : String(value);
      expect([option, rows.get(option)]).toEqual([option, expected]);
    }
  });

  test('points at files that are there', () => {
    const links = [...README.matchAll(/\]\(((?!https?:)[^)#]+)\)/g)].map(([, path = '']) => path);
    expect(links.length).toBeGreaterThan(10);
    expect(links.filter((path) => !existsSync(join(ROOT, path)))).toEqual([]);
  });

  test('names scripts that exist', () => {
    const { scripts } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as {
      scripts: Record<string, string>;
    };
    const named = [...README.matchAll(/bun (?:run )?(start|test|simulate|token:create|check)\b/g)].map(
      ([, name = '']) => name,
    );
    expect(named.filter((name) => !(name in scripts))).toEqual([]);
  });
});

/** Inside the project, so that the sub-paths resolve as they do for its users. */
async function runScript(name: string, code: string, databaseUrl: string): Promise<void> {
  const file = join(ROOT, 'tests', `.${name}-${process.pid}.ts`);
  writeFileSync(file, code);
  try {
    const env = { ...process.env, DATABASE_URL: databaseUrl };
    const child = Bun.spawn([process.execPath, file], { cwd: ROOT, env, stdout: 'pipe', stderr: 'pipe' });
    const [stderr, exitCode] = await Promise.all([new Response(child.stderr).text(), child.exited]);
    expect({ name, stderr, exitCode }).toEqual({ name, stderr: '', exitCode: 0 });
  } finally {
    rmSync(file, { force: true });
  }
}
