import { deepEqual, equal } from 'node:assert/strict';
import { EVERYTHING, type Targets } from '../../core/model/invalidation.ts';
import type { Outbox, OutboxRow } from '../../core/ports/outbox.ts';
import { until } from '../until.ts';
import { contains } from './checks.ts';
import { type AddTest, type ContractTest, contractOf } from './contract.ts';

/** One database with an outbox, and writers that know no cache. */
export interface OutboxHarness extends AsyncDisposable {
  /** Makes the access of one process to the outbox, not yet started. */
  outbox(): Outbox;
  /** Commits a transaction that leaves one row. */
  commit(targets: Targets): Promise<void>;
  /** Commits a row of a writer that invalidates by itself. The row bears a ticket of that outbox, which is returned. */
  commitClaimed(outbox: Outbox, targets: Targets): Promise<string>;
  /** Begins a transaction that has taken its place, and commits it when the test says so. */
  begin(targets: Targets): Promise<{ commit(): Promise<void> }>;
}

const MINUTE = 60_000;
const NEVER = { onChange: () => {}, onError: () => {} };
const keys = (...ids: string[]): Targets => ({ ids, tags: [] });
const namesOf = (rows: readonly Pick<OutboxRow, 'targets'>[]) => rows.flatMap(({ targets }) => targets.ids);

/**
 * Makes the tests that every outbox must pass.
 * @param make Makes a database for one test, which disposes of it.
 * @example
 * ```ts
 * import { test } from 'node:test';
 * import { type OutboxHarness, outboxContract } from 'tiercel/testing';
 *
 * export function testOutbox(makeDatabase: () => Promise<OutboxHarness>): void {
 *   for (const { name, run } of outboxContract(makeDatabase)) test(name, run);
 * }
 * ```
 */
export function outboxContract(make: () => Promise<OutboxHarness>): ContractTest[] {
  return contractOf({ '': (test) => define(test, make) });
}

function define(test: AddTest, make: () => Promise<OutboxHarness>): void {
  test('hands out committed rows, oldest first, until they are settled', async () => {
    await using both = await make();
    const outbox = both.outbox();
    await both.commit({ ids: ['a', '\u0001n\u0001a'], tags: ['t'] });
    await both.commit(keys('b'));
    const rows = await outbox.undelivered('due');
    deepEqual(
      rows.map(({ targets, mode }) => ({ targets, mode })),
      [
        { targets: { ids: ['a', '\u0001n\u0001a'], tags: ['t'] }, mode: 'delete' },
        { targets: keys('b'), mode: 'delete' },
      ],
    );
    await outbox.settle(rows.slice(0, 1).map(({ id }) => id));
    deepEqual(namesOf(await outbox.undelivered('due')), ['b']);
    await outbox.close();
  });

  test('is led by one instance at a time, and passed on by an instance that resigns or closes', async () => {
    await using both = await make();
    const [one, two] = [both.outbox(), both.outbox()];
    equal((await one.lead('c')).leads, true);
    equal((await two.lead('c')).leads, false);
    equal((await one.lead('c')).leads, true);
    await one.resign();
    equal((await two.lead('c')).leads, true);
    equal((await one.lead('c')).leads, false);
    await two.close();
    await until(async () => (await one.lead('c')).leads, { what: 'the lead' });
    await one.close();
  });

  test('serves several caches, each with a leader of its own; a row is delivered when all of them have it', async () => {
    await using both = await make();
    const [one, two, three] = [both.outbox(), both.outbox(), both.outbox()];
    contains(await one.lead('c'), { leads: true, mustRenew: false });
    // A cache that joins later has not seen the earlier rows.
    contains(await two.lead('d'), { leads: true, mustRenew: true });
    contains(await two.lead('d'), { leads: true, mustRenew: true });
    await two.renewed();
    contains(await two.lead('d'), { leads: true, mustRenew: false });
    contains(await three.lead('d'), { leads: false });
    await both.commit(keys('a'));
    const ids = (await one.undelivered('due')).map(({ id }) => id);
    await one.settle(ids);
    deepEqual([namesOf(await one.undelivered('all')), namesOf(await two.undelivered('all'))], [[], ['a']]);
    deepEqual([(await one.lead('c')).lagMs, (await two.lead('d')).lagMs > 0], [0, true]);
    // A cache that repairs its own data needs the row, though the row still waits for another cache.
    deepEqual(namesOf(await one.delivered(MINUTE, undefined)), ['a']);
    await two.settle(ids);
    deepEqual(namesOf(await two.undelivered('all')), []);
    deepEqual(namesOf(await three.delivered(MINUTE, undefined)), ['a']);
    // An acknowledgement counts for the writer's own cache alone.
    const ticket = await both.commitClaimed(one, keys('b'));
    one.acknowledge(ticket, keys('b'));
    await until(async () => (await one.undelivered('all')).length === 0, { what: 'the mark' });
    deepEqual(namesOf(await two.undelivered('all')), ['b']);
    await Promise.all([one.close(), two.close(), three.close()]);
  });

  test('a cache that was left for another begins with nothing when its instances return to it', async () => {
    await using both = await make();
    const outbox = both.outbox();
    contains(await outbox.lead('a'), { leads: true, mustRenew: false });
    contains(await outbox.lead('b'), { leads: true, mustRenew: true });
    await outbox.renewed();
    await both.commit(keys('k'));
    await outbox.settle((await outbox.undelivered('all')).map(({ id }) => id));
    // Cache `a` has not got this row, and the row counts as delivered.
    deepEqual(namesOf(await outbox.undelivered('all')), []);
    contains(await outbox.lead('a'), { leads: true, mustRenew: true });
    await outbox.renewed();
    contains(await outbox.lead('a'), { leads: true, mustRenew: false });
    await outbox.close();
  });

  test('a cache that was left for another is forgotten by an instance that does not lead the other one too', async () => {
    await using both = await make();
    const [one, two] = [both.outbox(), both.outbox()];
    equal((await one.lead('a')).leads, true);
    contains(await two.lead('b'), { leads: true, mustRenew: true });
    await two.renewed();
    equal((await one.lead('b')).leads, false);
    // No row waits for cache `a` any more, so it begins with nothing when it returns.
    contains(await one.lead('a'), { leads: true, mustRenew: true });
    await Promise.all([one.close(), two.close()]);
  });

  test('reports how long the oldest due row has been waiting', async () => {
    await using both = await make();
    const outbox = both.outbox();
    equal((await outbox.lead('c')).lagMs, 0);
    await both.commitClaimed(outbox, keys('a'));
    equal((await outbox.lead('c')).lagMs, 0);
    await both.commit(keys('b'));
    const first = await until(async () => (await outbox.lead('c')).lagMs, { what: 'a lag' });
    await until(async () => (await outbox.lead('c')).lagMs > first, { what: 'a greater lag' });
    await outbox.close();
  });

  test('leaves a claimed row to its writer for a second', async () => {
    await using both = await make();
    const outbox = both.outbox();
    await both.commitClaimed(outbox, keys('a'));
    deepEqual(await outbox.undelivered('due'), []);
    deepEqual(namesOf(await outbox.undelivered('all')), ['a']);
    const due = await until(async () => (await outbox.undelivered('due')).length > 0, { what: 'its time' });
    equal(due, true);
    await outbox.close();
  });

  test('marks acknowledged rows a little later', async () => {
    await using both = await make();
    const outbox = both.outbox();
    outbox.start(NEVER);
    const ticket = await both.commitClaimed(outbox, keys('a'));
    const [recorded = ''] = await outbox.record([{ targets: { ids: ['b'], tags: ['t'] }, mode: 'expire' }]);
    await both.commitClaimed(outbox, keys('c'));
    deepEqual(
      (await outbox.undelivered('all')).map(({ mode }) => mode),
      ['delete', 'expire', 'delete'],
    );
    outbox.acknowledge(ticket, keys('a', 'more'));
    outbox.acknowledge(recorded, { ids: ['b'], tags: ['t'] });
    outbox.acknowledge('of nobody', EVERYTHING);
    await until(async () => (await outbox.undelivered('all')).length === 1, { what: 'the marks' });
    deepEqual(namesOf(await outbox.undelivered('all')), ['c']);
    await outbox.close();
  });

  test('does not mark a row that names more than was acknowledged', async () => {
    await using both = await make();
    const outbox = both.outbox();
    outbox.start(NEVER);
    const forgetful = await both.commitClaimed(outbox, { ids: ['a', 'b'], tags: ['t'] });
    const thorough = await both.commitClaimed(outbox, { ids: ['c'], tags: ['t'] });
    outbox.acknowledge(forgetful, { ids: ['a', 'b'], tags: [] });
    outbox.acknowledge(forgetful, { ids: ['a'], tags: ['t'] });
    outbox.acknowledge(thorough, EVERYTHING);
    await until(async () => (await outbox.undelivered('all')).length === 1, { what: 'the mark' });
    deepEqual(namesOf(await outbox.undelivered('all')), ['a', 'b']);
    await outbox.close();
  });

  test('records many orders at once, each under a ticket of its own, and leaves them to their process for a moment', async () => {
    await using both = await make();
    const [one, two] = [both.outbox(), both.outbox()];
    await one.lead('c');
    const orders = Array.from({ length: 300 }, (_, index) => ({
      targets: index % 2 === 0 ? keys(`k${index}`, `m${index}`) : { ids: [], tags: [`t${index}`] },
      mode: index % 3 === 0 ? ('expire' as const) : ('delete' as const),
    }));
    const tickets = await one.record(orders);
    equal(new Set(tickets).size, orders.length);
    deepEqual(await one.undelivered('due'), []);
    const rows = await one.undelivered('all');
    deepEqual(
      rows.map(({ targets, mode }) => ({ targets, mode })),
      orders,
    );
    orders.slice(0, 299).forEach(({ targets }, index) => void one.acknowledge(tickets[index] ?? '', targets));
    await until(async () => (await one.undelivered('all')).length === 1, { what: 'the marks' });
    deepEqual((await one.undelivered('all'))[0]?.targets, orders[299]?.targets);
    deepEqual(await two.record([]), []);
    await Promise.all([one.close(), two.close()]);
  });

  test('marks the rows that were acknowledged before it closes', async () => {
    await using both = await make();
    const [one, two] = [both.outbox(), both.outbox()];
    for (let row = 0; row < 20; row += 1) one.acknowledge(await both.commitClaimed(one, keys(`k${row}`)), EVERYTHING);
    await one.close();
    deepEqual(await two.undelivered('all'), []);
    await two.close();
  });

  test('remembers delivered rows, in pages by id', async () => {
    await using both = await make();
    const outbox = both.outbox();
    for (const id of ['a', 'b', 'c']) await both.commit(keys(id));
    const rows = await outbox.undelivered('due');
    await outbox.settle(rows.slice(0, 2).map(({ id }) => id));
    deepEqual(namesOf(await outbox.delivered(MINUTE, undefined)), ['a', 'b']);
    deepEqual(namesOf(await outbox.delivered(MINUTE, rows[0]?.id)), ['b']);
    deepEqual(await outbox.delivered(MINUTE, rows[1]?.id), []);
    deepEqual(await outbox.delivered(0, undefined), []);
    await outbox.close();
  });

  test('remembers more than one page of delivered rows, in the order of their ids', async () => {
    await using both = await make();
    const outbox = both.outbox();
    await outbox.lead('c');
    await Promise.all(Array.from({ length: 1_150 }, (_, index) => both.commit(keys(`k${index}`))));
    for (;;) {
      const rows = await outbox.undelivered('due');
      if (rows.length === 0) break;
      await outbox.settle(rows.map(({ id }) => id));
    }
    const seen = new Set<string>();
    for (let after: string | undefined; ; ) {
      const rows = await outbox.delivered(MINUTE, after);
      if (rows.length === 0) break;
      for (const name of namesOf(rows)) seen.add(name);
      after = rows.at(-1)?.id;
    }
    equal(seen.size, 1_150);
    await outbox.close();
  });

  test('a process without a cache does not mark rows that a cache has not got', async () => {
    await using both = await make();
    const [relay, follower] = [both.outbox(), both.outbox()];
    await relay.lead('c');
    follower.acknowledge(await both.commitClaimed(follower, keys('a')), EVERYTHING);
    await follower.close();
    deepEqual(namesOf(await relay.undelivered('all')), ['a']);
    await relay.close();
  });

  test('holds back nothing behind a transaction that is slow to commit', async () => {
    await using both = await make();
    const outbox = both.outbox();
    const { cursor } = await outbox.follow(undefined);
    const slow = await both.begin(keys('slow'));
    await both.commit(keys('fast'));
    const rows = await outbox.undelivered('due');
    deepEqual(namesOf(rows), ['fast']);
    await outbox.settle(rows.map(({ id }) => id));
    const meanwhile = await outbox.follow(cursor);
    deepEqual(namesOf(meanwhile.rows), ['fast']);
    await slow.commit();
    // This row has a smaller number than a row that was delivered already.
    deepEqual(namesOf(await outbox.undelivered('due')), ['slow']);
    const after = await outbox.follow(meanwhile.cursor);
    deepEqual(namesOf(after.rows), ['slow']);
    deepEqual((await outbox.follow(after.cursor)).rows, []);
    await outbox.close();
  });

  test('a follower begins with no rows, and does not get rows that it has invalidated itself', async () => {
    await using both = await make();
    const [one, two] = [both.outbox(), both.outbox()];
    await both.commit(keys('before'));
    const [first, second] = [await one.follow(undefined), await two.follow(undefined)];
    deepEqual([first.rows, first.everything], [[], false]);
    one.acknowledge(await both.commitClaimed(one, keys('a')), keys('a', 'more'));
    const [ticket = ''] = await one.record([{ targets: { ids: ['b'], tags: ['t'] }, mode: 'expire' }]);
    one.acknowledge(ticket, { ids: ['b'], tags: ['t'] });
    deepEqual((await one.follow(first.cursor)).rows, []);
    deepEqual((await two.follow(second.cursor)).rows, [
      { targets: keys('a'), mode: 'delete' },
      { targets: { ids: ['b'], tags: ['t'] }, mode: 'expire' },
    ]);
    await Promise.all([one.close(), two.close()]);
  });

  test('a follower gets a row of its own too, unless it has invalidated all names of the row', async () => {
    await using both = await make();
    const outbox = both.outbox();
    const { cursor } = await outbox.follow(undefined);
    await both.commitClaimed(outbox, keys('failed'));
    outbox.acknowledge(await both.commitClaimed(outbox, keys('a', 'forgotten')), keys('a'));
    deepEqual(namesOf((await outbox.follow(cursor)).rows), ['failed', 'a', 'forgotten']);
    await outbox.close();
  });

  test('a follower learns that everything has changed when there are too many rows', async () => {
    await using both = await make();
    const outbox = both.outbox();
    const { cursor } = await outbox.follow(undefined);
    await Promise.all(Array.from({ length: 1_001 }, (_, index) => both.commit(keys(`k${index}`))));
    const { rows, everything } = await outbox.follow(cursor);
    deepEqual([rows, everything], [[], true]);
    await outbox.close();
  });

  test('wakes the leader and the followers when another process commits', async () => {
    await using both = await make();
    const [leader, follower] = [both.outbox(), both.outbox()];
    const woken: string[] = [];
    leader.start({ ...NEVER, onChange: () => woken.push('leader') });
    follower.start({ ...NEVER, onChange: () => woken.push('follower') });
    await leader.lead('c');
    await follower.follow(undefined);
    woken.length = 0;
    await both.commit(keys('a'));
    await until(() => woken.includes('leader') && woken.includes('follower'), { what: 'both to be woken' });
    await Promise.all([leader.close(), follower.close()]);
  });

  test('keeps rows that are younger than its window, and rows that are not delivered', async () => {
    await using both = await make();
    const outbox = both.outbox();
    for (const id of ['a', 'b']) await both.commit(keys(id));
    const [first] = await outbox.undelivered('due');
    await outbox.settle(first === undefined ? [] : [first.id]);
    await outbox.prune();
    deepEqual(namesOf(await outbox.delivered(MINUTE, undefined)), ['a']);
    deepEqual(namesOf(await outbox.undelivered('due')), ['b']);
    await outbox.close();
  });
}
