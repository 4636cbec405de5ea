/**
 * Measures a hit in the tier of this process, one call after the other: Tiercel with every check on, over a real Redis,
 * and its peers. The floor is that of any API that returns promises, `await (async (key) => lru.get(key))(key)`. `bun
 * run bench l1-hit`
 */
import { LRUCache } from 'lru-cache';
import { createCache, type LoaderContext, type ReadOptions } from 'tiercel';
import { lru } from 'tiercel/lru';
import { redis } from 'tiercel/redis';
import { startRedis } from '../tests/support/redis-server.ts';
import { benchmark } from './support/benchmark.ts';
import { bytesPerCall } from './support/heap.ts';
import { type AwaitedLoop, awaitedLoop, calledLoop, turnsOf } from './support/loops.ts';
import { openAll, Source } from './support/opened.ts';
import { type Contender, MOST_ENTRIES, TTL_MS } from './support/peer.ts';
import { peers } from './support/peers.ts';
import {
  type AimRow,
  atLeast,
  atMost,
  type Figures,
  interleave,
  isQuick,
  progress,
  type Row,
} from './support/report.ts';
import { recording, startRecording } from './support/spans.ts';
import { LIFETIMES } from './support/tiercel.ts';
import { BIG, MEDIUM, SMALL, type Value } from './support/values.ts';

const KEY = 'product:10017';
const TAGS = ['org:1', 'products', 'product:10017'];
const TURN_MS = isQuick() ? 8 : 25;
const ROUNDS = isQuick() ? 3 : 11;

const BASELINE = 'lru-cache, awaited';
const CHECKED = 'tiercel (three tags, in a namespace)';
const RECORDED = 'tiercel (recorded span)';
const RAW = 'lru-cache get()';
const PEEK = 'tiercel peek()';

/** The servers and lists that the parts of this benchmark share. */
interface Ground {
  readonly url: string;
  readonly others: readonly Contender[];
  readonly rows: Row[];
  readonly aims: AimRow[];
}

async function measure(ground: Ground, { name, value }: Value): Promise<void> {
  const { others, rows, aims } = ground;
  await using owner = new AsyncDisposableStack();
  const awaited = await openAwaited(owner, ground, { name, value });
  const figures = await interleave(turns(awaited), { rounds: ROUNDS, warmUp: 3 });
  const mine = [...awaited.keys()].filter((one) => one.startsWith('tiercel'));
  for (const subject of awaited.keys()) rows.push(rowOf(name, subject, figures, BASELINE));
  for (const subject of mine)
    aims.push(
      atMost(`L1 hit, ${name}, ${subject}, by the baseline`, 2.2, figures.ratio(subject, BASELINE).median, '×'),
    );
  const fastest = others
    .map((one) => one.name)
    .reduce((best, one) => (figures.of(one) < figures.of(best) ? one : best));
  aims.push(
    atLeast(
      `L1 hit, ${name}, all checks, faster than the fastest peer (${fastest})`,
      4,
      figures.ratio(fastest, CHECKED).median,
      '×',
    ),
  );
  if (value === SMALL.value) await measureHeap(ground, awaited);

  await measurePeek(owner, ground, name, value);
}

type Loops = ReadonlyMap<string, AwaitedLoop>;

function turns(loops: Loops) {
  return [...loops].map(([name, loop]) => ({ name, turn: turnsOf(loop, TURN_MS) }));
}

function rowOf(value: string, subject: string, figures: Figures, to: string): Row {
  const row = { subject, case: value, figure: figures.of(subject), unit: 'ns' };
  if (subject === to) return row;
  const { median: ratio, spread } = figures.ratio(subject, to);
  return { ...row, ratio, spread, to };
}

/** Opens every subject, each with the value in its L1. */
async function openAwaited(
  owner: AsyncDisposableStack,
  { url, others, rows }: Ground,
  { name: size, value }: Value,
): Promise<Loops> {
  const raw = baseline(value);
  const source = new Source(() => value);
  const mine = [
    { name: 'tiercel', ...(await openTiercel(owner, url, source, {})) },
    { name: 'tiercel (three tags)', ...(await openTiercel(owner, url, source, { tags: TAGS })) },
    { name: CHECKED, ...(await openTiercel(owner, url, source, { tags: TAGS }, 'tenant-1')) },
  ];
  const theirs = await openAll(owner, others, { tiers: () => 'l1', url: '', load: source.load });
  const caches = [...mine, ...theirs];
  await source.fill(caches, [KEY]);
  owner.defer(() => {
    rows.push(...source.rows(size));
    const figure = mine.reduce((sum, { suspensions }) => sum + suspensions(), 0);
    if (figure > 0) rows.push({ subject: 'tiercel', case: `${size}: times that L1 was NOT PROVEN`, figure, unit: '' });
  });
  const reads = [{ name: BASELINE, read: async (key: string): Promise<unknown> => raw.get(key) }, ...caches];
  return new Map(reads.map(({ name, read }) => [name, awaitedLoop(read, KEY)]));
}

function baseline(value: unknown): LRUCache<string, object> {
  const raw = new LRUCache<string, object>({ max: MOST_ENTRIES, ttl: TTL_MS });
  raw.set(KEY, value as object);
  return raw;
}

async function openCache(owner: AsyncDisposableStack, url: string) {
  const namespace = `bench-${crypto.randomUUID()}`;
  const cache = owner.use(createCache({ l1: lru(), ...redis(url, { namespace }), defaults: { l2Timeout: '2s' } }));
  await cache.ready();
  return cache;
}

/** Opens a cache and reads as an application would: loader and options are made once. */
async function openTiercel(
  owner: AsyncDisposableStack,
  url: string,
  { load }: Source,
  options: ReadOptions,
  namespace?: string,
) {
  const root = await openCache(owner, url);
  const cache = namespace === undefined ? root : root.namespace(namespace);
  const ofRead = { ...LIFETIMES, ...options };
  const loader = ({ key }: LoaderContext) => load(key);
  return {
    read: (key: string) => cache.getOrSet(key, loader, ofRead),
    suspensions: () => root.stats().tiers.l1.suspensions,
  };
}

async function measureHeap({ rows, aims }: Ground, loops: Loops): Promise<void> {
  const bytes = new Map<string, number>();
  for (const [name, loop] of loops) bytes.set(name, await bytesPerCall(loop));
  const floor = bytes.get(BASELINE) ?? Number.NaN;
  for (const [subject, figure] of bytes) rows.push({ subject, case: 'heap per call, 97 B', figure, unit: 'B' });
  aims.push(
    atMost(
      'L1 hit, all checks, heap per call more than the baseline',
      70,
      (bytes.get(CHECKED) ?? Number.NaN) - floor,
      'B',
    ),
  );
}

async function measurePeek(
  owner: AsyncDisposableStack,
  { url, rows, aims }: Ground,
  name: string,
  value: unknown,
): Promise<void> {
  const raw = baseline(value);
  const cache = await openCache(owner, url);
  await cache.getOrSet(KEY, () => value, { ...LIFETIMES, tags: TAGS });
  const figures = await interleave(
    [
      {
        name: RAW,
        turn: turnsOf(
          calledLoop((key) => raw.get(key), KEY),
          TURN_MS,
        ),
      },
      {
        name: PEEK,
        turn: turnsOf(
          calledLoop((key) => cache.peek(key), KEY),
          TURN_MS,
        ),
      },
    ],
    { rounds: ROUNDS, warmUp: 3 },
  );
  for (const subject of [RAW, PEEK]) rows.push(rowOf(name, subject, figures, RAW));
  aims.push(atMost(`peek, ${name}, three tags, by lru-cache get()`, 3, figures.ratio(PEEK, RAW).median, '×'));
}

async function measureSpan({ url, rows, aims }: Ground, { name, value }: Value): Promise<void> {
  await using owner = new AsyncDisposableStack();
  const raw = baseline(value);
  const cache = await openCache(owner, url);
  const { inSpan } = recording(owner, cache);
  await cache.getOrSet(KEY, () => value, { ...LIFETIMES, tags: TAGS });
  const loader = () => value;
  const options = { ...LIFETIMES, tags: TAGS };
  const loop = awaitedLoop((key) => cache.getOrSet(key, loader, options), KEY);
  const figures = await interleave(
    [
      {
        name: BASELINE,
        turn: turnsOf(
          awaitedLoop(async (key) => raw.get(key), KEY),
          TURN_MS,
        ),
      },
      { name: RECORDED, turn: turnsOf((count) => inSpan(() => loop(count)), TURN_MS) },
    ],
    { rounds: ROUNDS, warmUp: 3 },
  );
  rows.push(rowOf(`${name}, three tags`, RECORDED, figures, BASELINE));
  aims.push(
    atMost(
      `L1 hit, ${name}, three tags, in a recorded span, by the baseline`,
      2.5,
      figures.ratio(RECORDED, BASELINE).median,
      '×',
    ),
  );
}

await benchmark('l1-hit', async (owner) => {
  const { url } = owner.use(await startRedis());
  const others = (await peers()).filter(({ tiers }) => tiers.includes('l1'));
  const ground: Ground = { url, others, rows: [], aims: [] };
  // Caches that clone take a minute for the big value.
  const values = isQuick() ? [SMALL, MEDIUM] : [SMALL, MEDIUM, BIG];
  for (const value of values) {
    progress(`l1-hit: ${value.name}`);
    await measure(ground, value);
  }
  // This part comes last: from here on the process keeps a context for everything that is awaited.
  startRecording();
  for (const value of values) {
    progress(`l1-hit: ${value.name}, in a span`);
    await measureSpan(ground, value);
  }
  return ground;
});
