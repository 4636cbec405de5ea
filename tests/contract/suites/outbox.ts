import { expect, test } from 'bun:test';
import type { Targets } from '../../../src/core/invalidation.ts';
import type { Outbox, OutboxRow } from '../../../src/core/outbox.ts';
import { EVERYTHING } from '../../../src/core/targets.ts';
import { until } from '../../support/wait.ts';

/** One database with an outbox, and writers who know nothing of any cache. */
export interface OutboxHarness extends AsyncDisposable {
  /** One process's way to it, not yet started. */
  outbox(): Outbox;
  /** A transaction that leaves one row. */
  commit(targets: Targets): Promise<void>;
  /** The same, of a writer who invalidates itself: its row bears a ticket of that outbox, which is returned. */
  commitClaimed(outbox: Outbox, targets: Targets): Promise<string>;
  /** A transaction that has taken its place and commits when it is told to. */
  begin(targets: Targets): Promise<{ commit(): Promise<void> }>;
}

const MINUTE = 60_000;
const NEVER = { onChange: () => {}, onError: () => {} };
const keys = (...ids: string[]): Targets => ({ ids, tags: [] });
const namesOf = (rows: readonly Pick<OutboxRow, 'targets'>[]) => rows.flatMap(({ targets }) => targets.ids);

/** What every outbox promises. */
export function outboxContract(make: () => Promise<OutboxHarness>): void {
  test('hands out what was committed, oldest first, until it is settled', async () => {
    await using both = await make();
    const outbox = both.outbox();
    await both.commit({ ids: ['a', '\u0001n\u0001a'], tags: ['t'] });
    await both.commit(keys('b'));
    const rows = await outbox.undelivered('due');
    expect(rows.map(({ targets, mode }) => ({ targets, mode }))).toEqual([
      { targets: { ids: ['a', '\u0001n\u0001a'], tags: ['t'] }, mode: 'delete' },
      { targets: keys('b'), mode: 'delete' },
    ]);
    await outbox.settle(rows.slice(0, 1).map(({ id }) => id));
    expect(namesOf(await outbox.undelivered('due'))).toEqual(['b']);
    await outbox.close();
  });

  test('is led by one at a time, and passed on by who resigns or closes', async () => {
    await using both = await make();
    const [one, two] = [both.outbox(), both.outbox()];
    expect((await one.lead()).leads).toBe(true);
    expect((await two.lead()).leads).toBe(false);
    expect((await one.lead()).leads).toBe(true);
    await one.resign();
    expect((await two.lead()).leads).toBe(true);
    expect((await one.lead()).leads).toBe(false);
    await two.close();
    await until(async () => (await one.lead()).leads, { what: 'the lead' });
    await one.close();
  });

  test('says how long the oldest row that is due has been waiting', async () => {
    await using both = await make();
    const outbox = both.outbox();
    expect((await outbox.lead()).lagMs).toBe(0);
    await both.commitClaimed(outbox, keys('a'));
    expect((await outbox.lead()).lagMs).toBe(0);
    await both.commit(keys('b'));
    const first = await until(async () => (await outbox.lead()).lagMs, { what: 'a lag' });
    await until(async () => (await outbox.lead()).lagMs > first, { what: 'a greater lag' });
    await outbox.close();
  });

  test('leaves a claimed row to its writer for a second', async () => {
    await using both = await make();
    const outbox = both.outbox();
    await both.commitClaimed(outbox, keys('a'));
    expect(await outbox.undelivered('due')).toEqual([]);
    expect(namesOf(await outbox.undelivered('all'))).toEqual(['a']);
    const due = await until(async () => (await outbox.undelivered('due')).length > 0, { what: 'its time' });
    expect(due).toBe(true);
    await outbox.close();
  });

  test('marks what is acknowledged, a little later', async () => {
    await using both = await make();
    const outbox = both.outbox();
    outbox.start(NEVER);
    const ticket = await both.commitClaimed(outbox, keys('a'));
    const recorded = await outbox.record({ ids: ['b'], tags: ['t'] }, 'expire');
    await both.commitClaimed(outbox, keys('c'));
    expect((await outbox.undelivered('all')).map(({ mode }) => mode)).toEqual(['delete', 'expire', 'delete']);
    outbox.acknowledge(ticket, keys('a', 'more'));
    outbox.acknowledge(recorded, { ids: ['b'], tags: ['t'] });
    outbox.acknowledge('of nobody', EVERYTHING);
    await until(async () => (await outbox.undelivered('all')).length === 1, { what: 'the marks' });
    expect(namesOf(await outbox.undelivered('all'))).toEqual(['c']);
    await outbox.close();
  });

  test('marks nothing that names more than was acknowledged', async () => {
    await using both = await make();
    const outbox = both.outbox();
    outbox.start(NEVER);
    const forgetful = await both.commitClaimed(outbox, { ids: ['a', 'b'], tags: ['t'] });
    const thorough = await both.commitClaimed(outbox, { ids: ['c'], tags: ['t'] });
    outbox.acknowledge(forgetful, { ids: ['a', 'b'], tags: [] });
    outbox.acknowledge(forgetful, { ids: ['a'], tags: ['t'] });
    outbox.acknowledge(thorough, EVERYTHING);
    await until(async () => (await outbox.undelivered('all')).length === 1, { what: 'the mark' });
    expect(namesOf(await outbox.undelivered('all'))).toEqual(['a', 'b']);
    await outbox.close();
  });

  test('what was acknowledged before it closes is marked by then', async () => {
    await using both = await make();
    const [one, two] = [both.outbox(), both.outbox()];
    for (let row = 0; row < 20; row += 1) one.acknowledge(await both.commitClaimed(one, keys(`k${row}`)), EVERYTHING);
    await one.close();
    expect(await two.undelivered('all')).toEqual([]);
    await two.close();
  });

  test('remembers what was delivered, in pages by id', async () => {
    await using both = await make();
    const outbox = both.outbox();
    for (const id of ['a', 'b', 'c']) await both.commit(keys(id));
    const rows = await outbox.undelivered('due');
    await outbox.settle(rows.slice(0, 2).map(({ id }) => id));
    expect(namesOf(await outbox.delivered(MINUTE, undefined))).toEqual(['a', 'b']);
    expect(namesOf(await outbox.delivered(MINUTE, rows[0]?.id))).toEqual(['b']);
    expect(await outbox.delivered(MINUTE, rows[1]?.id)).toEqual([]);
    expect(await outbox.delivered(0, undefined)).toEqual([]);
    await outbox.close();
  });

  test('holds back nothing behind a transaction that is slow to commit', async () => {
    await using both = await make();
    const outbox = both.outbox();
    const { cursor } = await outbox.follow(undefined);
    const slow = await both.begin(keys('slow'));
    await both.commit(keys('fast'));
    const rows = await outbox.undelivered('due');
    expect(namesOf(rows)).toEqual(['fast']);
    await outbox.settle(rows.map(({ id }) => id));
    const meanwhile = await outbox.follow(cursor);
    expect(namesOf(meanwhile.rows)).toEqual(['fast']);
    await slow.commit();
    // It has a smaller number than what has been delivered already.
    expect(namesOf(await outbox.undelivered('due'))).toEqual(['slow']);
    const after = await outbox.follow(meanwhile.cursor);
    expect(namesOf(after.rows)).toEqual(['slow']);
    expect((await outbox.follow(after.cursor)).rows).toEqual([]);
    await outbox.close();
  });

  test('a follower begins with nothing, and is not told of its own', async () => {
    await using both = await make();
    const [one, two] = [both.outbox(), both.outbox()];
    await both.commit(keys('before'));
    const [first, second] = [await one.follow(undefined), await two.follow(undefined)];
    expect([first.rows, first.everything]).toEqual([[], false]);
    await both.commitClaimed(one, keys('a'));
    await one.record({ ids: ['b'], tags: ['t'] }, 'expire');
    expect((await one.follow(first.cursor)).rows).toEqual([]);
    expect((await two.follow(second.cursor)).rows).toEqual([
      { targets: keys('a'), mode: 'delete' },
      { targets: { ids: ['b'], tags: ['t'] }, mode: 'expire' },
    ]);
    await Promise.all([one.close(), two.close()]);
  });

  test('a follower is told that everything has changed when it is too much', async () => {
    await using both = await make();
    const outbox = both.outbox();
    const { cursor } = await outbox.follow(undefined);
    await Promise.all(Array.from({ length: 1_001 }, (_, index) => both.commit(keys(`k${index}`))));
    const { rows, everything } = await outbox.follow(cursor);
    expect([rows, everything]).toEqual([[], true]);
    await outbox.close();
  });

  test('wakes who leads, and who follows, when somebody else commits', async () => {
    await using both = await make();
    const [leader, follower] = [both.outbox(), both.outbox()];
    const woken: string[] = [];
    leader.start({ ...NEVER, onChange: () => woken.push('leader') });
    follower.start({ ...NEVER, onChange: () => woken.push('follower') });
    await leader.lead();
    await follower.follow(undefined);
    woken.length = 0;
    await both.commit(keys('a'));
    await until(() => woken.includes('leader') && woken.includes('follower'), { what: 'both to be woken' });
    await Promise.all([leader.close(), follower.close()]);
  });

  test('keeps what is younger than its window, and what nobody has delivered', async () => {
    await using both = await make();
    const outbox = both.outbox();
    for (const id of ['a', 'b']) await both.commit(keys(id));
    const [first] = await outbox.undelivered('due');
    await outbox.settle(first === undefined ? [] : [first.id]);
    await outbox.prune(true);
    await outbox.prune(false);
    expect(namesOf(await outbox.delivered(MINUTE, undefined))).toEqual(['a']);
    expect(namesOf(await outbox.undelivered('due'))).toEqual(['b']);
    await outbox.close();
  });
}
