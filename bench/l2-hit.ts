/**
 * Measures a hit in Redis with an empty L1: one read after the other, and a hundred at once. The floor is a read by
 * hand: ioredis with auto-pipelining, GET and JSON.parse. `bun run bench l2-hit`
 */
import { Redis } from 'ioredis';
import { createCache } from 'tiercel';
import { redis } from 'tiercel/redis';
import { startRedis } from '../tests/support/redis-server.ts';
import { benchmark } from './support/benchmark.ts';
import { best, compare, TURN_MS } from './support/compare.ts';
import { parallelLoop, ratesOf, sequentialLoop } from './support/loops.ts';
import { keysOf, type Opened, type Openings, openAll, Source } from './support/opened.ts';
import { type Contender, TTL_MS } from './support/peer.ts';
import { peers } from './support/peers.ts';
import { type AimRow, atLeast, progress, type Row } from './support/report.ts';
import { LIFETIMES, noL1, tiercelWith } from './support/tiercel.ts';
import { MEDIUM, SMALL, type Value } from './support/values.ts';

const KEYS = keysOf(100);
const PIPELINED = 'ioredis GET, auto-pipelined';
const MGET = 'ioredis MGET of 100';
const PLAIN = 'tiercel (no tag)';
const KNOWN = 'tiercel (one tag, known)';
const UNKNOWN = 'tiercel (one tag, not known)';
const UNFROZEN = 'tiercel (one tag, known, freeze: false)';
const TAGS = ['org:1'];
/** The benchmark measures how fast Redis answers, not how long a caller waits. */
const PATIENT = { l2Timeout: '5s' } as const;

/** The servers and lists that the parts of this benchmark share. */
interface Ground {
  readonly url: string;
  readonly others: readonly Contender[];
  readonly rows: Row[];
  readonly aims: AimRow[];
}

async function measure({ url, others, rows, aims }: Ground, { name, value }: Value): Promise<void> {
  await using owner = new AsyncDisposableStack();
  const source = new Source(() => value);
  const opening: Openings = { tiers: () => 'l2', url, load: source.load };
  const tagged = { ...PATIENT, tags: TAGS };
  const mine = [
    tiercelWith(PLAIN, PATIENT),
    tiercelWith(KNOWN, tagged),
    tiercelWith(UNFROZEN, tagged, { freeze: false }),
  ];
  const caches = [
    ...(await openAll(owner, mine, opening)),
    await openForgetful(owner, url, source),
    ...(await openAll(owner, others, opening)),
  ];
  await source.fill(caches, KEYS);
  const raw = await openRaw(owner, url, JSON.stringify(value), name);
  const mget = { name: MGET, turn: ratesOf(async (count) => raw.mget(count), TURN_MS, KEYS.length) };

  const loop = { sequential: sequentialLoop, parallel: parallelLoop };
  const subjects = (how: keyof typeof loop) =>
    [...raw.reads, ...caches].map(({ name: own, read }) => ({
      name: own,
      turn: ratesOf(loop[how](read, KEYS), TURN_MS, KEYS.length),
    }));
  const sequential = { circumstances: `${name}, one after the other`, unit: 'k/s', to: PIPELINED };
  rows.push(...(await compare(subjects('sequential'), sequential)).rows);

  const parallel = { circumstances: `${name}, 100 at once`, unit: 'k/s', to: PIPELINED };
  const measured = await compare([...subjects('parallel'), mget], parallel);
  const { figures } = measured;
  rows.push(...measured.rows);
  rows.push(...source.rows(name));
  const atLeastOf = (own: string, bound: number): void =>
    void aims.push(
      atLeast(
        `L2 hits, ${name}, 100 at once, ${own}, by ${PIPELINED}`,
        bound,
        figures.ratio(own, PIPELINED).median,
        '×',
      ),
    );
  if (value === SMALL.value) {
    for (const own of [PLAIN, KNOWN]) atLeastOf(own, 0.75);
    atLeastOf(UNKNOWN, 0.5);
    const names = others.map((other) => other.name);
    const documented = names.filter((own) => !own.includes('(auto-pipelined)'));
    for (const [which, all] of [
      ['as documented', documented],
      ['auto-pipelined or not', names],
    ] as const) {
      const fastest = best(all, figures, 'more');
      const what = `L2 hits, ${name}, 100 at once, by the fastest peer, ${which} (${fastest})`;
      aims.push(atLeast(what, 2.5, figures.ratio(PLAIN, fastest).median, '×'));
    }
  } else {
    for (const own of [PLAIN, KNOWN, UNFROZEN]) atLeastOf(own, 0.9);
  }
}

/**
 * Opens a cache without a bus. It must not remember generations, so each read asks for its tag's in the same round
 * trip.
 */
async function openForgetful(owner: AsyncDisposableStack, url: string, { load }: Source): Promise<Opened> {
  const { l2 } = redis(url, { namespace: `bench-${crypto.randomUUID().slice(0, 8)}` });
  const cache = owner.use(createCache({ l1: noL1(), l2 }));
  await cache.ready();
  const options = { ...LIFETIMES, ...PATIENT, tags: TAGS };
  return {
    name: UNKNOWN,
    read: (key) => cache.getOrSet(key, (context) => load(context.key), options),
    remove: (key) => cache.delete(key),
    close: () => cache.close(),
  };
}

/** Opens clients that read by hand. */
async function openRaw(owner: AsyncDisposableStack, url: string, text: string, size: string) {
  const plain = new Redis(url);
  const pipelined = new Redis(url, { enableAutoPipelining: true });
  const bun = new Bun.RedisClient(url);
  owner.defer(() => {
    plain.disconnect();
    pipelined.disconnect();
    bun.close();
  });
  const names = new Map(KEYS.map((key) => [key, `raw-${size}:${key}`]));
  const all = [...names.values()];
  for (const name of all) await plain.set(name, text, 'PX', TTL_MS);
  const nameOf = (key: string): string => names.get(key) ?? '';
  return {
    reads: [
      { name: PIPELINED, read: async (key: string) => parsed(await pipelined.get(nameOf(key))) },
      { name: 'ioredis GET', read: async (key: string) => parsed(await plain.get(nameOf(key))) },
      { name: 'Bun.RedisClient GET', read: async (key: string) => parsed(await bun.get(nameOf(key))) },
    ],
    async mget(count: number): Promise<void> {
      for (let pass = 0; pass < count; pass += 1) (await plain.mget(all)).map(parsed);
    },
  };
}

function parsed(text: string | null): unknown {
  if (text === null) throw new Error('Redis does not hold what it was given');
  return JSON.parse(text);
}

await benchmark('l2-hit', async (owner) => {
  const { url } = owner.use(await startRedis());
  const others = (await peers()).filter(({ tiers }) => tiers.includes('l2'));
  const ground: Ground = { url, others, rows: [], aims: [] };
  for (const value of [SMALL, MEDIUM]) {
    progress(`l2-hit: ${value.name}`);
    await measure(ground, value);
  }
  return ground;
});
