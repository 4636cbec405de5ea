/**
 * Measures how long a process serves an old value from its L1 after another process has removed the key. The time
 * begins with the call of `delete`. With Tiercel a second figure begins with the commit of an UPDATE by a program that
 * knows no cache, by way of the outbox. `bun run bench invalidation`
 */
import { Redis } from 'ioredis';
import postgres from 'postgres';
import { createCache } from 'tiercel';
import { lru } from 'tiercel/lru';
import { outbox, outboxSql } from 'tiercel/postgres';
import { redis } from 'tiercel/redis';
import { startPostgres } from '../tests/support/postgres-server.ts';
import { startRedis } from '../tests/support/redis-server.ts';
import { benchmark, type Measured } from './support/benchmark.ts';
import { contenders } from './support/contenders.ts';
import type { Contender } from './support/peer.ts';
import { type AimRow, atMost, isQuick, percentile, progress, type Row } from './support/report.ts';
import { sharedNow } from './support/worker.ts';
import { startWorker, type Worker } from './support/workers.ts';

const ROUNDS = isQuick() ? 30 : 500;
const UPDATES = isQuick() ? 20 : 200;
/** The watch runs for this long before the change, so that the change meets different moments of its loop. */
const LEAD_MS = 2;
const PATIENCE_MS = 5_000;

/** A key whose value in the source is a number, the peer that watches it, and the functions that change it. */
interface Scene {
  readonly peer: Worker;
  readonly key: string;
  readonly setSource: (value: number) => Promise<unknown>;
  /**
   * Makes the change known.
   * @returns the moment at which the clock begins.
   */
  readonly change: (value: number) => Promise<number>;
}

/** Measures for each round how long the peer went on serving the old value. Milliseconds. */
async function delays({ peer, key, setSource, change }: Scene, rounds: number): Promise<number[]> {
  const all: number[] = [];
  await setSource(0);
  for (let value = 1; value <= rounds; value += 1) {
    await peer.ask('warm', key);
    const until = sharedNow() + PATIENCE_MS;
    const watching = peer.ask<number>('watch', { key, old: value - 1, until });
    await Bun.sleep(LEAD_MS + Math.random());
    await setSource(value);
    const [began, ended] = await Promise.all([change(value), watching]);
    all.push(ended - began);
  }
  return all;
}

async function byDelete(contender: Contender, url: string, source: Redis): Promise<number[]> {
  const namespace = `bus-${crypto.randomUUID().slice(0, 8)}`;
  await using peer = await startWorker('invalidation-worker.ts', [contender.name, url, namespace]);
  const key = 'product:1';
  const setSource = (value: number) => source.set(`${namespace}:source:${key}`, value);
  const { remove, close } = await contender.open({ tiers: 'both', url, namespace, load: async () => 0 });
  const change = async (): Promise<number> => {
    const began = sharedNow();
    await remove(key);
    return began;
  };
  const found = await delays({ peer, key, setSource, change }, ROUNDS);
  await close();
  return found;
}

async function byUpdate(url: string, source: Redis): Promise<number[]> {
  await using database = await startPostgres();
  await using owner = new AsyncDisposableStack();
  const connect = () => {
    const sql = postgres(database.url, { max: 2, onnotice: () => {} });
    owner.defer(() => sql.end());
    return sql;
  };
  const own = connect();
  const psql = connect();
  await own`create table items (id int primary key, price int not null)`;
  await own`insert into items values (1, 0)`;
  await own.begin((tx) => tx.unsafe(outboxSql([{ table: 'items', keys: ['item:{id}'], all: ['items'] }])));

  const namespace = `outbox-${crypto.randomUUID().slice(0, 8)}`;
  await using peer = await startWorker('invalidation-worker.ts', ['tiercel', url, namespace]);
  const relay = owner.use(createCache({ l1: lru(), ...redis(url, { namespace }), outbox: outbox(own) }));
  await relay.ready();
  const key = 'item:1';
  const setSource = (value: number) => source.set(`${namespace}:source:${key}`, value);
  const change = async (value: number): Promise<number> => {
    await psql`update items set price = ${value} where id = 1`;
    return sharedNow();
  };
  return await delays({ peer, key, setSource, change }, UPDATES);
}

async function measure(owner: AsyncDisposableStack): Promise<Measured> {
  const { url } = owner.use(await startRedis());
  const source = new Redis(url);
  owner.defer(() => source.disconnect());
  const rows: Row[] = [];
  const aims: AimRow[] = [];
  const tell = (subject: string, what: string, found: readonly number[]): void => {
    for (const percent of [50, 99, 100]) {
      const which = percent === 100 ? 'most' : `p${percent}`;
      rows.push({ subject, case: `${what}, ${which}`, figure: percentile(found, percent), unit: 'ms' });
    }
  };
  for (const contender of (await contenders()).filter(({ hasBus }) => hasBus)) {
    progress(`invalidation: ${contender.name}`);
    const found = await byDelete(contender, url, source);
    tell(contender.name, 'from delete to the peer’s L1', found);
    if (contender.name === 'tiercel') {
      aims.push(atMost('healthy invalidation, from delete to the peer’s L1, p99', 2, percentile(found, 99), 'ms'));
    }
  }
  progress('invalidation: by an UPDATE');
  tell('tiercel', 'from the commit of an UPDATE, by the outbox', await byUpdate(url, source));
  return { rows, aims };
}

await benchmark('invalidation', measure);
