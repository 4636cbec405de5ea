import { expect, setDefaultTimeout, test } from 'bun:test';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Part } from './parts.ts';
import { type RunOptions, runParts } from './run-parts.ts';
import { removeFolder, temporaryFolder } from './temporary-folder.ts';

setDefaultTimeout(30_000);

const HEAD = "import { test } from 'bun:test';\n";
const PASSING = "test('passes', () => {});\n";
const FAILING = "test('fails', () => {\n  throw new Error('on purpose');\n});\n";
const CRASHING = "test('crashes', () => process.exit(0));\n";
const HANGING = "test('hangs', () => new Promise(() => {}), 60_000);\n";
const COMPUTING = "test('computes', () => {\n  console.log('under way');\n  for (;;);\n});\n";
const LEAVING = "test('leaves a process', () => void Bun.spawn(['sleep', '60']));\n";

/** Runs these texts as test files, each in a part of its own; one of them may have to be alone. */
async function run(texts: readonly string[], more: Partial<RunOptions> = {}, alone?: number) {
  const folder = temporaryFolder('parts');
  const told: string[] = [];
  let printed = '';
  const parts = texts.map((text, index): Part => {
    const file = join(folder, `${index}.test.ts`);
    writeFileSync(file, HEAD + text);
    const isAlone = index === alone;
    return { name: `part ${index}`, files: [file], niceness: 5 * index, timeoutMs: 20_000, isAlone };
  });
  try {
    const summary = await runParts(parts, {
      env: process.env,
      print: (_, bytes) => {
        printed += new TextDecoder().decode(bytes);
      },
      progress: (line) => told.push(line),
      ...more,
    });
    return { summary, told, printed };
  } finally {
    removeFolder(folder);
  }
}

test('what the processes come to is added up, and each one’s output stays in one piece', async () => {
  const { summary, told, printed } = await run([PASSING, PASSING + PASSING]);
  expect(summary).toEqual({ passed: 3, failed: 0 });
  expect(told.toSorted()).toEqual(['part 0: 1 passed, 0 failed', 'part 1: 2 passed, 0 failed']);
  expect(printed).toMatch(
    /0\.test\.ts[\s\S]* 1 pass[\s\S]*Ran 1 test [\s\S]*1\.test\.ts[\s\S]* 2 pass[\s\S]*Ran 2 tests /,
  );
});

test('each process has a temporary folder and ports of its own', async () => {
  const telling = `import { freePort } from '${import.meta.dirname}/free-port.ts';
    test('tells', async () => console.log('told', process.env.TMPDIR, (await freePort()) % 4, (await freePort()) % 4));`;
  const { printed } = await run([telling, telling]);
  const [one, other] = [...printed.matchAll(/^told (\S+) (\d) (\d)$/gm)].map(([, ...words]) => words);
  expect(one?.[0]).not.toBe(other?.[0]);
  expect([one?.slice(1), other?.slice(1)]).toEqual([
    ['0', '0'],
    ['1', '1'],
  ]);
});

test('a part that is to be alone begins when those before it have ended', async () => {
  const telling = (what: string, ms: number) =>
    `test('tells', async () => {
      console.log('told', '${what} began', Date.now());
      await Bun.sleep(${ms});
      console.log('told', '${what} ended', Date.now());
    });`;
  const { summary, printed } = await run([telling('first', 300), telling('second', 1), telling('alone', 1)], {}, 2);
  expect(summary).toEqual({ passed: 3, failed: 0 });
  const at = new Map([...printed.matchAll(/^told (.+) (\d+)$/gm)].map(([, what, moment]) => [what, Number(moment)]));
  expect(at.get('alone began')).toBeGreaterThanOrEqual(at.get('first ended') ?? Number.NaN);
  expect(at.get('alone began')).toBeGreaterThanOrEqual(at.get('second ended') ?? Number.NaN);
});

test('a test that fails is told once more at the end, with its file', async () => {
  const { told } = await run([FAILING + PASSING, PASSING]);
  expect(told.at(-1)).toMatch(/^failed: \S*0\.test\.ts:[\s\S]*on purpose[\s\S]*\(fail\) fails/);
});

test('a test that fails in any of the processes fails the run', async () => {
  expect((await run([FAILING + PASSING, PASSING])).summary).toEqual({ passed: 2, failed: 1 });
  expect((await run([PASSING, FAILING + PASSING])).summary).toEqual({ passed: 2, failed: 1 });
});

test('a process that ends before its tests do fails the run, whatever its status', async () => {
  const [first, second] = await Promise.all([run([CRASHING, PASSING]), run([PASSING, PASSING + CRASHING])]);
  expect(first.summary).toEqual({ passed: 1, failed: 1 });
  expect(second.summary).toEqual({ passed: 1, failed: 1 });
});

test('a process that cannot be started fails the run', async () => {
  const { summary, told } = await run([PASSING, PASSING], { options: ['\0'] });
  expect(summary).toEqual({ passed: 0, failed: 2 });
  expect(told).toHaveLength(4);
});

test('a process that a test of the second left behind fails the run', async () => {
  const { summary, told } = await run([PASSING, LEAVING]);
  expect(summary).toEqual({ passed: 2, failed: 1 });
  expect(told.join('\n')).toMatch(/part 1 left processes behind:\n\d+ sleep 60/);
});

test('a part without a test of the name that is asked for is no failure, unless no part has one', async () => {
  const ask = (name: string) => run([PASSING, FAILING], { options: ['-t', name] });
  expect((await ask('passes')).summary).toEqual({ passed: 1, failed: 0 });
  expect((await ask('nobody')).summary).toEqual({ passed: 0, failed: 1 });
});

test('an interrupted run ends all of its processes, even one that ignores signals, and counts as failed', async () => {
  const controller = new AbortController();
  const interrupted = run([COMPUTING, HANGING], {
    signal: controller.signal,
    print: (_, bytes) => {
      if (new TextDecoder().decode(bytes).includes('under way')) controller.abort();
    },
  });
  expect((await interrupted).summary).toEqual({ passed: 0, failed: 2 });
});
