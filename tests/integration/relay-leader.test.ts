import { afterAll, beforeAll, expect, setDefaultTimeout, test } from 'bun:test';
import { until } from '../../src/testing/until.ts';
import { endOf } from '../soak/fleet.ts';
import { leaderAmong, leadersIn, type RelayFleet, type RelayMember, startRelayFleet } from '../soak/relay-fleet.ts';
import { readProduct } from './support/catalog-requests.ts';
import { printFigures, timed } from './support/measure.ts';

setDefaultTimeout(60_000);

/** One second for those who do not invalidate, and D. */
const SEEN_WITHIN_MS = 1_000 + 1_500;
/** Whoever stands or cannot reach Redis leads for no longer. */
const MOVED_WITHIN_MS = 5_000;
const TERMINATIONS = 6;
const INTERRUPTIONS = 2;

const owned = new AsyncDisposableStack();
let fleet: RelayFleet;

beforeAll(async () => {
  fleet = await startRelayFleet(owned);
});

afterAll(() => owned.disposeAsync());

let label = 0;

/** Changes a product by psql, and tells how long it takes until these members, who have it in L1, serve the change. */
async function untilSeen(members: readonly RelayMember[], change: Change = renameByPsql): Promise<number> {
  label += 1;
  const [id, name] = [1 + (label % 50), `Change ${label}`];
  for (const { service } of members) await readProduct(service, id);
  await change(id, name);
  const committedAt = performance.now();
  for (const { service } of members)
    await until(async () => (await readProduct(service, id)).name === name, {
      what: `${name} to be seen`,
      within: 2 * MOVED_WITHIN_MS,
      every: 2,
    });
  return performance.now() - committedAt;
}

type Change = (id: number, name: string) => Promise<unknown>;

const renameByPsql: Change = (id, name) => fleet.psql`update products set name = ${name} where id = ${id}`;

/** Who leads, and who does not. */
async function roles(): Promise<{ leader: RelayMember; other: RelayMember }> {
  const { members, psql } = fleet;
  const leader = await until(() => leaderAmong(members, psql), { what: 'somebody to lead', within: 10_000 });
  const other = members.find((member) => member !== leader);
  if (other === undefined) throw new Error('two instances were asked for');
  return { leader, other };
}

/** Waits until another leads, and tells how long that took. */
async function untilLeading(member: RelayMember): Promise<number> {
  const leads = async () => (await leaderAmong(fleet.members, fleet.psql)) === member;
  return (await timed(() => until(leads, { what: 'the lead to move', within: 2 * MOVED_WITHIN_MS, every: 20 }))).ms;
}

test('a leader that is stopped (SIGSTOP) is replaced, and does no harm when it goes on', async () => {
  const { leader, other } = await roles();
  await readProduct(leader.service, 99);
  leader.service.pause();
  const stoppedAt = performance.now();
  const seen = untilSeen([other]);
  const moved = await untilLeading(other);
  printFigures('a leader stopped: until another leads', [moved]);
  printFigures('a leader stopped: until the other instance sees a change of that moment', [await seen]);
  expect(moved).toBeLessThan(MOVED_WITHIN_MS);
  expect(await seen).toBeLessThan(SEEN_WITHIN_MS);
  expect(await untilSeen([other])).toBeLessThan(SEEN_WITHIN_MS);

  await renameByPsql(99, 'While it stood');
  await until(async () => (await readProduct(other.service, 99)).name === 'While it stood', {
    what: 'the other to see',
  });
  // Long enough that its L1 may not answer.
  await until(() => performance.now() - stoppedAt > SEEN_WITHIN_MS, { what: 'the bound to be over' });
  const first = readProduct(leader.service, 99);
  leader.service.resume();
  expect((await first).name).toBe('While it stood');
  expect(await untilSeen([leader, other])).toBeLessThan(SEEN_WITHIN_MS);
  expect(await leadersIn(fleet.psql)).toHaveLength(1);
});

test('a leader whose session is ended again and again, right before a NOTIFY: polling delivers', async () => {
  const delays: number[] = [];
  for (let round = 0; round < TERMINATIONS; round += 1) {
    await roles();
    // Ended and committed in one transaction: nobody listens when the notification is sent.
    const endAndRename: Change = (id, name) =>
      fleet.psql.begin(async (tx) => {
        await tx`select pg_terminate_backend(pid) from pg_stat_activity
          where application_name = 'tiercel-outbox' and datname = current_database()`;
        await tx`update products set name = ${name} where id = ${id}`;
      });
    delays.push(await untilSeen(fleet.members, endAndRename));
  }
  printFigures('a session ended: from the commit to both instances', delays);
  expect(Math.max(...delays)).toBeLessThan(SEEN_WITHIN_MS);
  await roles();
  expect(await leadersIn(fleet.psql)).toHaveLength(1);
});

test('sessions that are ended in the middle of a look: the next look is in time', async () => {
  const delays: number[] = [];
  for (let round = 0; round < INTERRUPTIONS; round += 1) {
    await roles();
    // Everybody's look waits for the lock that this transaction has; it is ended there, and the change is committed.
    const interruptAndRename: Change = (id, name) =>
      fleet.psql.begin(async (tx) => {
        await tx`lock table tiercel_outbox in access exclusive mode`;
        await tx`update products set name = ${name} where id = ${id}`;
        const looking = () => fleet.psql<{ pid: number }[]>`select pid from pg_stat_activity
          where application_name = 'tiercel-outbox' and datname = current_database() and wait_event_type = 'Lock'`;
        const all = await until(async () => (await looking()).length === fleet.members.length && looking(), {
          what: 'everybody to look',
        });
        for (const { pid } of all) await tx`select pg_terminate_backend(${pid})`;
      });
    delays.push(await untilSeen(fleet.members, interruptAndRename));
  }
  printFigures('a look interrupted: from the commit to both instances', delays);
  expect(Math.max(...delays)).toBeLessThan(SEEN_WITHIN_MS);
});

test('a leader that cannot reach Redis gives the lead to one that can', async () => {
  const { leader, other } = await roles();
  const hole = leader.link.impose({ hold: true });
  const seen = untilSeen([other]);
  const moved = await untilLeading(other);
  printFigures('a leader cut off: until another leads', [moved]);
  printFigures('a leader cut off: until the other instance sees a change of that moment', [await seen]);
  expect(moved).toBeLessThan(MOVED_WITHIN_MS);
  expect(await seen).toBeLessThan(MOVED_WITHIN_MS);
  expect(await untilSeen([leader, other])).toBeLessThan(SEEN_WITHIN_MS);
  leader.link.resetConnections();
  hole.lift();
  expect(await untilSeen([leader, other])).toBeLessThan(SEEN_WITHIN_MS);
  expect(await leadersIn(fleet.psql)).toHaveLength(1);
});

test('and they end as they should, with no error in their logs', async () => {
  expect((await Promise.all(fleet.members.map(endOf))).flat()).toEqual([]);
});
