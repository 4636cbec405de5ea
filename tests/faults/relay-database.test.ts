import { afterAll, beforeAll, expect, setDefaultTimeout, test } from 'bun:test';
import { until } from '../../src/testing/until.ts';
import { productPath, readProduct, renameProduct } from '../integration/support/catalog-requests.ts';
import { median, printFigures, timed } from '../integration/support/measure.ts';
import { leaderAmong, leadersIn, type RelayFleet, startRelayFleet } from '../soak/relay-fleet.ts';
import { type PostgresServer, startPostgres } from '../support/postgres-server.ts';

setDefaultTimeout(60_000);

/** One second for those who do not invalidate, and D. */
const SEEN_WITHIN_MS = 1_000 + 1_500;
/** From the return of the database until somebody leads. */
const LED_WITHIN_MS = 5_000;
/** In the tiers, and changed by nobody: some of them in L1, some in Redis alone. */
const KEPT = Array.from({ length: 20 }, (_, index) => index + 101);
/** A median: nobody waits for the database. */
const KEPT_WITHIN_MS = 25;
const STOPPED_MS = 5_000;
const KILLS = 10;
const KILL_PAUSE_MS = 100;
const PRODUCTS = Array.from({ length: 20 }, (_, index) => index + 1);

const owned = new AsyncDisposableStack();
let server: PostgresServer;
let fleet: RelayFleet;

beforeAll(async () => {
  // What was acknowledged survives a kill.
  server = owned.use(await startPostgres({ config: { synchronous_commit: 'on' } }));
  fleet = await startRelayFleet(owned, { postgres: server.url });
});

afterAll(() => owned.disposeAsync());

const rename = (name: string) => fleet.psql`update products set name = ${name} where id = any (${PRODUCTS})`;

/** Milliseconds until both instances serve every product by this name. */
async function untilSeen(name: string): Promise<number> {
  const { ms } = await timed(async () => {
    for (const { service } of fleet.members)
      for (const id of PRODUCTS)
        await until(async () => (await readProduct(service, id)).name === name, {
          what: `${name} to be seen`,
          every: 2,
        });
  });
  return ms;
}

async function warm(): Promise<void> {
  for (const { service } of fleet.members) for (const id of PRODUCTS) await readProduct(service, id);
  const [one] = fleet.members;
  if (one !== undefined) for (const id of KEPT) await readProduct(one.service, id);
}

/** Backends of everybody, the relay's own session among them. */
async function killBackends(): Promise<void> {
  for (let round = 0; round < KILLS; round += 1) {
    await fleet.psql`select pg_terminate_backend(pid) from pg_stat_activity
      where backend_type = 'client backend' and pid <> pg_backend_pid()`;
    await Bun.sleep(KILL_PAUSE_MS);
  }
}

async function stopForAWhile(): Promise<void> {
  server.pause();
  await Bun.sleep(STOPPED_MS);
  server.resume();
}

/** Asks for what is in the tiers until something is over. */
async function readMeanwhile(over: Promise<void>): Promise<void> {
  let isOver = false;
  const waiting = over.finally(() => {
    isOver = true;
  });
  const delays: number[] = [];
  for (let round = 0; !isOver; round += 1) {
    for (const { service } of fleet.members) {
      const id = KEPT[round % KEPT.length] ?? 0;
      const { value: answer, ms } = await timed(() => service.fetch(productPath(id)));
      expect([answer.status, answer.headers.get('x-cache-tier')]).toEqual([200, expect.stringMatching(/^l[12]$/)]);
      delays.push(ms);
    }
    await Bun.sleep(5);
  }
  await waiting;
  printFigures('what is in the tiers, meanwhile', delays);
  expect(median(delays)).toBeLessThan(KEPT_WITHIN_MS);
}

const DEATHS: Readonly<Record<string, () => Promise<void>>> = {
  'stopped for 5 s (SIGSTOP)': stopForAWhile,
  'whose backends are killed again and again': killBackends,
  'restarted (fast)': () => server.restart(),
  'killed, and started again': async () => {
    await server.kill();
    await server.restart();
  },
};

for (const [what, die] of Object.entries(DEATHS)) {
  test(`PostgreSQL ${what}: what was committed right before and after is served in time`, async () => {
    const { members, psql } = fleet;
    await warm();
    const before = `Before it was ${what}`;
    await rename(before);
    await readMeanwhile(die());
    const back = performance.now();
    printFigures(`${what}: from its return until both instances know what was committed before`, [
      await untilSeen(before),
    ]);
    await until(() => leaderAmong(members, psql), { what: 'somebody to lead', within: LED_WITHIN_MS });
    printFigures(`${what}: from its return until somebody leads`, [performance.now() - back]);

    await warm();
    const after = `After it was ${what}`;
    await rename(after);
    const delay = await untilSeen(after);
    printFigures(`${what}: from a commit afterwards to both instances`, [delay]);
    expect(delay).toBeLessThan(SEEN_WITHIN_MS);
    expect(await leadersIn(psql)).toHaveLength(1);
  });
}

test('a writer that never hears of its commit, because PostgreSQL dies of it: all are told by the outbox', async () => {
  let isArmed = false;
  const writer = await fleet.start('writer', {
    postgres: {
      onDone(_, tag) {
        if (!isArmed || tag !== 'COMMIT') return;
        isArmed = false;
        // The answer is lost; the server goes next.
        writer.database.impose({ hold: true }, { direction: 'toClient' });
        dead.resolve(server.kill());
      },
    },
  });
  const dead = Promise.withResolvers<void>();
  const [id = 0] = PRODUCTS;
  const members = [...fleet.members, writer];
  for (const { service } of members) await readProduct(service, id);
  isArmed = true;
  const patched = renameProduct(writer.service, id, 'Unheard of');
  await dead.promise;
  writer.database.resetConnections();
  await writer.database.heal();
  const { status } = await patched;
  await server.restart();
  expect(status).toBeWithin(500, 600);
  const { ms } = await timed(async () => {
    for (const { service } of members)
      await until(async () => (await readProduct(service, id)).name === 'Unheard of', { what: 'everybody to know' });
  });
  printFigures('a commit unheard of: from the return of PostgreSQL until all know of it', [ms]);
});
