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
    expect((await one.lead('c')).leads).toBe(true);
    expect((await two.lead('c')).leads).toBe(false);
    expect((await one.lead('c')).leads).toBe(true);
    await one.resign();
    expect((await two.lead('c')).leads).toBe(true);
    expect((await one.lead('c')).leads).toBe(false);
    await two.close();
    await until(async () => (await one.lead('c')).leads, { what: 'the lead' });
    await one.close();
  });

  test('serves several caches, each with a leader of its own; a row is delivered when all of them have it', async () => {
    await using both = await make();
    const [one, two, three] = [both.outbox(), both.outbox(), both.outbox()];
    expect(await one.lead('c')).toMatchObject({ leads: true, mustRenew: false });
    // Of what was before it came, a cache that comes later knows nothing.
    expect(await two.lead('d')).toMatchObject({ leads: true, mustRenew: true });
    expect(await two.lead('d')).toMatchObject({ leads: true, mustRenew: true });
    await two.renewed();
    expect(await two.lead('d')).toMatchObject({ leads: true, mustRenew: false });
    expect(await three.lead('d')).toMatchObject({ leads: false });
    await both.commit(keys('a'));
    const ids = (await one.undelivered('due')).map(({ id }) => id);
    await one.settle(ids);
    expect([namesOf(await one.undelivered('all')), namesOf(await two.undelivered('all'))]).toEqual([[], ['a']]);
    expect([(await one.lead('c')).lagMs, (await two.lead('d')).lagMs > 0]).toEqual([0, true]);
    // Whoever repairs his own data needs it, though it is still on its way to another.
    expect(namesOf(await one.delivered(MINUTE, undefined))).toEqual(['a']);
    await two.settle(ids);
    expect(namesOf(await two.undelivered('all'))).toEqual([]);
    expect(namesOf(await three.delivered(MINUTE, undefined))).toEqual(['a']);
    // What a writer acknowledges is known to its own cache alone.
    const ticket = await both.commitClaimed(one, keys('b'));
    one.acknowledge(ticket, keys('b'));
    await until(async () => (await one.undelivered('all')).length === 0, { what: 'the mark' });
    expect(namesOf(await two.undelivered('all'))).toEqual(['b']);
    await Promise.all([one.close(), two.close(), three.close()]);
  });

  test('says how long the oldest row that is due has been waiting', async () => {
    await using both = await make();
    const outbox = both.outbox();
    expect((await outbox.lead('c')).lagMs).toBe(0);
    await both.commitClaimed(outbox, keys('a'));
    expect((await outbox.lead('c')).lagMs).toBe(0);
    await both.commit(keys('b'));
    const first = await until(async () => (await outbox.lead('c')).lagMs, { what: 'a lag' });
    await until(async () => (await outbox.lead('c')).lagMs > first, { what: 'a greater lag' });
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

  test('remembers more than a page of it, in the order of the numbers', async () => {
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
    expect(seen.size).toBe(1_150);
    await outbox.close();
  });

  test('a process without a cache does not mark what a cache is yet to have', async () => {
    await using both = await make();
    const [relay, follower] = [both.outbox(), both.outbox()];
    await relay.lead('c');
    follower.acknowledge(await both.commitClaimed(follower, keys('a')), EVERYTHING);
    await follower.close();
    expect(namesOf(await relay.undelivered('all'))).toEqual(['a']);
    await relay.close();
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

  test('a follower begins with nothing, and is not told of what it has invalidated itself', async () => {
    await using both = await make();
    const [one, two] = [both.outbox(), both.outbox()];
    await both.commit(keys('before'));
    const [first, second] = [await one.follow(undefined), await two.follow(undefined)];
    expect([first.rows, first.everything]).toEqual([[], false]);
    one.acknowledge(await both.commitClaimed(one, keys('a')), keys('a', 'more'));
    one.acknowledge(await one.record({ ids: ['b'], tags: ['t'] }, 'expire'), { ids: ['b'], tags: ['t'] });
    expect((await one.follow(first.cursor)).rows).toEqual([]);
    expect((await two.follow(second.cursor)).rows).toEqual([
      { targets: keys('a'), mode: 'delete' },
      { targets: { ids: ['b'], tags: ['t'] }, mode: 'expire' },
    ]);
    await Promise.all([one.close(), two.close()]);
  });

  test('a follower is told of its own change too, unless it has invalidated all of it', async () => {
    await using both = await make();
    const outbox = both.outbox();
    const { cursor } = await outbox.follow(undefined);
    await both.commitClaimed(outbox, keys('failed'));
    outbox.acknowledge(await both.commitClaimed(outbox, keys('a', 'forgotten')), keys('a'));
    expect(namesOf((await outbox.follow(cursor)).rows)).toEqual(['failed', 'a', 'forgotten']);
    await outbox.close();
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
    await leader.lead('c');
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
    await outbox.prune();
    expect(namesOf(await outbox.delivered(MINUTE, undefined))).toEqual(['a']);
    expect(namesOf(await outbox.undelivered('due'))).toEqual(['b']);
    await outbox.close();
  });
}
