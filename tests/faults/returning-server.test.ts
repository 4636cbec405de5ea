import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from 'bun:test';
import { Redis } from 'ioredis';
import postgres, { type Sql } from 'postgres';
import { createCache, type TieredCache } from 'tiercel';
import { lru } from 'tiercel/lru';
import { outbox, outboxSql } from 'tiercel/postgres';
import { redis } from 'tiercel/redis';
import { until } from '../../src/testing/until.ts';
import { createDatabase } from '../support/postgres-server.ts';
import { type RedisServer, startRedis, uniqueNamespace } from '../support/redis-server.ts';
import { startProxy, type TcpProxy } from '../support/tcp-proxy.ts';

setDefaultTimeout(60_000);

const MAX_LAG_MS = 1_500;
const ROWS = 250;
/** Of each row, by each of two instances. */
const ROUNDS = 2;
const IDS = Array.from({ length: ROWS }, (_, index) => index + 1);
const TABLE =
  "create table goods (id int primary key, name text); insert into goods select n, 'old' from generate_series(1, 250) n";

const owned = new AsyncDisposableStack();
let first: RedisServer;
let second: RedisServer;
let sql: Sql;
let url: string;

beforeAll(async () => {
  first = owned.use(await startRedis());
  second = owned.use(await startRedis());
  ({ url } = owned.use(await createDatabase()));
  sql = owned.adopt(postgres(url, { max: 4, onnotice: () => {} }), (client) => client.end());
  await sql.unsafe(TABLE);
  await sql.begin((tx) => tx.unsafe(outboxSql([{ table: 'goods', keys: ['good:{id}'], all: ['goods'] }])));
});

afterAll(() => owned.disposeAsync());

/** Two instances behind one address. */
class Scene {
  readonly #owner: AsyncDisposableStack;
  readonly #namespace = uniqueNamespace('back');
  readonly #hasOutbox: boolean;
  readonly proxy: TcpProxy;
  instances: TieredCache[] = [];

  private constructor(owner: AsyncDisposableStack, proxy: TcpProxy, hasOutbox: boolean) {
    this.#owner = owner;
    this.proxy = proxy;
    this.#hasOutbox = hasOutbox;
  }

  static async start(owner: AsyncDisposableStack, hasOutbox: boolean): Promise<Scene> {
    const proxy = owner.use(await startProxy({ target: first.url }));
    const scene = new Scene(owner, proxy, hasOutbox);
    await sql`update goods set name = 'old'`;
    // Rows would wait for the caches of the tests before this one.
    await sql`truncate tiercel_outbox, tiercel_outbox_caches`;
    await scene.startInstances();
    return scene;
  }

  async startInstances(): Promise<void> {
    this.instances = [0, 1].map(() => {
      const tiers = redis(this.proxy.through(first.url), { namespace: this.#namespace });
      const given = this.#hasOutbox ? { outbox: outbox(sql) } : {};
      return this.#owner.use(
        createCache({ l1: lru(), ...tiers, ...given, maxLag: MAX_LAG_MS, defaults: { l2Timeout: '5s' } }),
      );
    });
    await this.untilInUse();
  }

  async untilInUse(): Promise<void> {
    const isInUse = (cache: TieredCache): boolean => {
      const { l2, bus } = cache.health();
      return l2?.healthy === true && bus?.subscribed === true && (bus.proofAgeMs ?? Infinity) < MAX_LAG_MS;
    };
    await until(() => this.instances.every(isInUse), { what: 'both instances to use Redis', within: 20_000 });
  }

  /** Every instance has found out which history it reads: a heartbeat of each, and the bound D. */
  async untilBound(): Promise<void> {
    const since = performance.now();
    await until(() => performance.now() - since > MAX_LAG_MS, { what: 'the bound' });
    await this.untilInUse();
  }

  read(cache: TieredCache, id: number): Promise<string> {
    return cache.getOrSet(`good:${id}`, async () => {
      const [row] = await sql<{ name: string }[]>`select name from goods where id = ${id}`;
      return row?.name ?? 'gone';
    });
  }

  /** How many of all rows each instance answers with, by name. */
  async readAll(): Promise<Record<string, number>> {
    const names: string[] = [];
    for (let round = 0; round < ROUNDS; round += 1)
      for (const cache of this.instances) names.push(...(await Promise.all(IDS.map((id) => this.read(cache, id)))));
    return Object.fromEntries(
      Object.entries(Object.groupBy(names, (name) => name)).map(([name, all]) => [name, all?.length ?? 0]),
    );
  }

  /** Every row is changed, and the change is acknowledged wherever the address leads at present. */
  async change(): Promise<void> {
    await sql`update goods set name = 'new'`;
    const [writer] = this.instances;
    for (const id of IDS) await writer?.delete(`good:${id}`);
  }
}

/** Swaps what a server answers from, and hands out how to swap it back. */
const SWAPS: Readonly<Record<string, (scene: Scene) => Promise<() => Promise<void>>>> = {
  'A, then B, then A again': async ({ proxy }) => {
    proxy.retarget(second.url);
    return async () => proxy.retarget(first.url);
  },
  'a database that is swapped twice': async () => {
    const admin = new Redis(first.url);
    await admin.swapdb(0, 1);
    return async () => {
      await admin.swapdb(0, 1);
      admin.disconnect();
    };
  },
};

for (const [name, swap] of Object.entries(SWAPS)) {
  describe(name, () => {
    for (const hasOutbox of [false, true]) {
      test(`answers with nothing that was ended meanwhile, ${hasOutbox ? 'with' : 'without'} an outbox`, async () => {
        await using owner = new AsyncDisposableStack();
        const scene = await Scene.start(owner, hasOutbox);
        expect(await scene.readAll()).toEqual({ old: 2 * ROUNDS * ROWS });
        const swapBack = await swap(scene);
        await scene.untilBound();
        await scene.change();
        await swapBack();
        await scene.untilBound();
        const answers = await scene.readAll();
        process.stdout.write(`[checked] ${name}, outbox ${hasOutbox}: ${JSON.stringify(answers)}\n`);
        expect(answers).toEqual({ new: 2 * ROUNDS * ROWS });
      });
    }

    test('answers with nothing that psql changed meanwhile, though every process has been replaced since', async () => {
      await using owner = new AsyncDisposableStack();
      const scene = await Scene.start(owner, true);
      await scene.readAll();
      const swapBack = await swap(scene);
      await scene.untilBound();
      await sql`update goods set name = 'new'`;
      const waiting = () => sql`select from tiercel_outbox where delivered_at is null`;
      await until(async () => (await waiting()).length === 0, { what: 'every row to be delivered', within: 20_000 });
      await Promise.all(scene.instances.map((cache) => cache.close()));
      await swapBack();
      await scene.startInstances();
      await scene.untilBound();
      expect(await scene.readAll()).toEqual({ new: 2 * ROUNDS * ROWS });
    });
  });
}
