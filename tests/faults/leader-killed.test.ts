import { afterAll, beforeAll, expect, setDefaultTimeout, test } from 'bun:test';
import { resolve } from 'node:path';
import { Redis } from 'ioredis';
import { until } from '../../src/testing/until.ts';
import { type Child, spawnChild } from '../support/child.ts';
import { sharedRedis, uniqueNamespace } from '../support/redis-server.ts';

setDefaultTimeout(30_000);

const PROCESSES = 4;
const CALLERS = 10_000;
const FIXTURE = resolve(import.meta.dirname, 'fixtures/cold-callers.ts');

let admin: Redis;
let url: string;

beforeAll(async () => {
  url = await sharedRedis();
  admin = new Redis(url);
});

afterAll(() => admin.disconnect());

/** A process with its share of the callers, and the lines that it has printed. */
interface Share {
  readonly child: Child;
  readonly lines: readonly string[];
}

/** Processes that have asked all at once, and of which one loads. */
interface Stampede extends AsyncDisposable {
  readonly shares: readonly Share[];
  readonly leader: Share;
  loads(): number;
  release(): Promise<unknown>;
}

const isLoading = ({ lines }: Share): boolean => lines.includes('loading');
const reportOf = ({ lines }: Share): string | undefined => lines.find((line) => line.startsWith('{'));

async function startStampede(): Promise<Stampede> {
  const namespace = uniqueNamespace('stampede');
  const owned = new AsyncDisposableStack();
  const shares = Array.from({ length: PROCESSES }, (): Share => {
    const lines: string[] = [];
    const child = spawnChild({
      name: 'callers',
      command: [process.execPath, FIXTURE, url, namespace, String(CALLERS / PROCESSES)],
      onLine: (line) => lines.push(line),
    });
    owned.defer(() => child.kill());
    return { child, lines };
  });
  const all = (line: string) =>
    until(() => shares.every(({ lines }) => lines.includes(line)), { what: line, within: 15_000 });
  await all('ready');
  await admin.publish(`${namespace}:orders`, 'ask');
  await all('asking');
  const leader = await until(() => shares.find(isLoading), { what: 'somebody to load' });
  return {
    shares,
    leader,
    loads: () => shares.flatMap(({ lines }) => lines).filter((line) => line === 'loading').length,
    release: () => admin.publish(`${namespace}:orders`, 'release'),
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}

/** What each of these was answered, once all of its callers have been. */
async function answersOf(shares: readonly Share[]) {
  await until(() => shares.every(reportOf), { what: 'every caller to be answered', within: 15_000 });
  const reports = shares.map((share) => JSON.parse(reportOf(share) ?? '') as { answers: number; values: string[] });
  return {
    answers: reports.reduce((sum, { answers }) => sum + answers, 0),
    values: [...new Set(reports.flatMap(({ values }) => values))],
  };
}

test(`${CALLERS} callers of one cold key in ${PROCESSES} processes are one load`, async () => {
  await using stampede = await startStampede();
  await stampede.release();
  expect(await answersOf(stampede.shares)).toEqual({
    answers: CALLERS,
    values: [`loaded by ${stampede.leader.child.pid}`],
  });
  expect(stampede.loads()).toBe(1);
});

test('they are two when the process that loads is killed (SIGKILL), and the others are answered', async () => {
  await using stampede = await startStampede();
  const { shares, leader } = stampede;
  await leader.child.kill();
  const others = shares.filter((share) => share !== leader);
  const next = await until(() => others.find(isLoading), { what: 'another to load', within: 15_000 });
  await stampede.release();
  expect(await answersOf(others)).toEqual({
    answers: CALLERS - CALLERS / PROCESSES,
    values: [`loaded by ${next.child.pid}`],
  });
  expect(stampede.loads()).toBe(2);
});
