/**
 * Measures the cost of the outbox's triggers for a writer. pgbench runs `UPDATE products SET price = … WHERE id = …` on
 * the catalog: without triggers, with them, and with `tiercel.origin` set, as the service does. Rounds are interleaved,
 * figures are medians. No relay delivers the rows, but one session listens, as a relay would. `bun
 * bench/trigger-overhead.ts [--quick]`. It takes not quite three minutes, or a few seconds that show only that it runs.
 */
import { dirname, join } from 'node:path';
import { dropOutboxSql } from '../src/adapters/postgres/index.ts';
import { type Database, openDatabase } from '../src/catalog/database.ts';
import { migrate } from '../src/catalog/migrate.ts';
import { seed } from '../src/catalog/seed.ts';
import { findPostgres } from '../tests/support/binaries.ts';
import { spawnChild } from '../tests/support/child.ts';
import { createDatabase, startPostgres } from '../tests/support/postgres-server.ts';
import { removeFolder, temporaryFolder } from '../tests/support/temporary-folder.ts';

const QUICK = process.argv.includes('--quick');
const ROUNDS = QUICK ? 1 : 5;
const SECONDS = QUICK ? 1 : 5;
const CLIENTS = [1, 4];
/**
 * A server that waits for its disk gets fewer and shorter rounds. It gets many clients: they would share one flush of
 * the log, but NOTIFY makes them commit one after the other.
 */
const DURABLE_ROUNDS = QUICK ? 1 : 3;
const DURABLE_SECONDS = 1;
const DURABLE_CLIENTS = [16];
const BULK_ROWS = QUICK ? 1_000 : 100_000;
const BULK_ROUNDS = QUICK ? 1 : 2;

const SCRIPT = `\\set id random(1, 1000)
\\set price random(1, 100000)
update products set price = :price where id = :id;
`;

const VARIANTS = ['without', 'triggers', 'triggers, origin set'] as const;
type Variant = (typeof VARIANTS)[number];

interface Figures {
  readonly tps: number;
  readonly latencyMs: number;
}

/** Holds the catalog twice on one server, so that a change from one variant to the other is no work for it. */
interface Catalogs extends AsyncDisposable {
  readonly url: (variant: Variant) => string;
  readonly bare: Database;
  readonly watched: Database;
}

const folder = temporaryFolder('bench');
const script = join(folder, 'update.sql');
await Bun.write(script, SCRIPT);
try {
  await measure('fsync off, synchronous_commit off', {}, async (catalogs) => {
    await measureUpdates(catalogs, CLIENTS, ROUNDS, SECONDS);
    await measureBulk(catalogs);
  });
  const durable = { fsync: 'on', synchronous_commit: 'on', full_page_writes: 'on' };
  await measure('fsync on, synchronous_commit on', durable, (catalogs) =>
    measureUpdates(catalogs, DURABLE_CLIENTS, DURABLE_ROUNDS, DURABLE_SECONDS),
  );
} finally {
  removeFolder(folder);
}

async function measure(
  name: string,
  config: Readonly<Record<string, string>>,
  run: (catalogs: Catalogs) => Promise<void>,
): Promise<void> {
  await using server = await startPostgres({ config });
  await using catalogs = await makeCatalogs(server.url);
  const [version] = await catalogs.bare.sql`show server_version`;
  console.log(`\nPostgreSQL ${version?.server_version}, ${name}`);
  await run(catalogs);
}

async function measureUpdates(
  { url, watched }: Catalogs,
  clientCounts: readonly number[],
  rounds: number,
  seconds: number,
): Promise<void> {
  for (const clients of clientCounts) {
    const seen = new Map<Variant, Figures[]>(VARIANTS.map((variant) => [variant, []]));
    for (let round = 0; round < rounds; round += 1) {
      for (const variant of VARIANTS) {
        await watched.sql`truncate tiercel_outbox`;
        seen.get(variant)?.push(await pgbench(url(variant), variant, clients, seconds));
      }
    }
    report(`${clients} client${clients === 1 ? '' : 's'}, ${rounds} × ${seconds} s`, seen);
  }
}

async function makeCatalogs(serverUrl: string): Promise<Catalogs> {
  const [bareStore, watchedStore] = [await createDatabase(serverUrl), await createDatabase(serverUrl)];
  const [bare, watched] = [await openDatabaseOf(bareStore.url), await openDatabaseOf(watchedStore.url)];
  for (const { sql } of [bare, watched]) {
    await migrate(sql);
    await seed(sql);
  }
  await bare.sql.unsafe(dropOutboxSql());
  await watched.sql.listen('tiercel_outbox', () => {});
  return {
    bare,
    watched,
    url: (variant) => (variant === 'without' ? bareStore.url : watchedStore.url),
    [Symbol.asyncDispose]: async () => {
      await bare.close();
      await watched.close();
    },
  };
}

function openDatabaseOf(url: string): Promise<Database> {
  return openDatabase({ url, pool: 2, applicationName: 'bench' });
}

async function pgbench(url: string, variant: Variant, clients: number, seconds: number): Promise<Figures> {
  const found = findPostgres();
  if (found === undefined) throw new Error('PostgreSQL was not found');
  const program = join(dirname(found.postgres), 'pgbench');
  const child = spawnChild({
    name: 'pgbench',
    command: [program, '-n', '-M', 'prepared', '-f', script, '-c', String(clients), '-T', String(seconds), url],
    env: { ...process.env, ...(variant === 'triggers, origin set' ? { PGOPTIONS: '-c tiercel.origin=bench' } : {}) },
  });
  const status = await child.exited;
  const [, tps] = /^tps = ([\d.]+)/m.exec(child.output()) ?? [];
  const [, latencyMs] = /^latency average = ([\d.]+) ms/m.exec(child.output()) ?? [];
  if (status !== 0 || tps === undefined || latencyMs === undefined)
    throw new Error(`pgbench ended with ${status}:\n${child.output()}`);
  return { tps: Number(tps), latencyMs: Number(latencyMs) };
}

function report(what: string, seen: ReadonlyMap<Variant, readonly Figures[]>): void {
  const base = median(seen.get('without')?.map(({ tps }) => tps) ?? []);
  console.log(what.padEnd(24), '     tps    latency  ratio   (tps, all rounds)');
  for (const [variant, figures] of seen) {
    const tps = median(figures.map((one) => one.tps));
    const latency = median(figures.map((one) => one.latencyMs));
    const all = figures.map((one) => one.tps.toFixed(0)).join(' ');
    console.log(
      `  ${variant}`.padEnd(24),
      tps.toFixed(0).padStart(8),
      `${latency.toFixed(3)} ms`.padStart(10),
      (tps / base).toFixed(2).padStart(6),
      `  (${all})`,
    );
  }
}

/** Measures one statement over many rows, in one session each. */
async function measureBulk({ bare, watched }: Catalogs): Promise<void> {
  const seen = { without: [] as number[], triggers: [] as number[] };
  for (const { sql } of [bare, watched])
    await sql`insert into products (org_id, sku, name, price) select 1, 'bulk' || i, 'Bulk', 1 from generate_series(1, ${BULK_ROWS}::int) i`;
  for (let round = 0; round < BULK_ROUNDS; round += 1) {
    for (const [name, { sql }] of [
      ['without', bare],
      ['triggers', watched],
    ] as const) {
      await sql`vacuum products`;
      const start = performance.now();
      await sql`update products set price = price + 1 where sku like 'bulk%'`;
      seen[name].push(performance.now() - start);
    }
  }
  const [without, triggers] = [median(seen.without), median(seen.triggers)];
  console.log(
    `one UPDATE of ${BULK_ROWS} rows: ${without.toFixed(0)} ms without, ${triggers.toFixed(0)} ms with triggers, ratio ${(without / triggers).toFixed(2)} (medians of ${BULK_ROUNDS})`,
  );
}

function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const [low = Number.NaN, high = low] = [sorted[(sorted.length - 1) >> 1], sorted[sorted.length >> 1]];
  return (low + high) / 2;
}
