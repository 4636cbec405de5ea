import { expect, test } from 'bun:test';
import type { Heartbeat } from '../../../src/core/ports.ts';
import { until } from '../../support/wait.ts';
import { connect, LONG, type MakeHarness, orderOf, type TwoInstances, token, twoInstances } from './harness.ts';

/** What a relay needs of L2 to repair it: what came before, marks, and orders under a generation that is not agreed yet. */
export function repairContract(makeHarness: MakeHarness): void {
  test('the record of the last heartbeat says when there was a generation, and which', async () => {
    await using server = await makeHarness();
    const { tier } = await connect(server.tier());
    const { epoch, last } = await tier.heartbeat('one', token());
    expect(last).toBeUndefined();
    await tier.heartbeat('one', token());
    await tier.agreeGeneration(epoch, 'g1');
    // Without a generation nothing was recorded; with one, each heartbeat finds what the one before it has left.
    const first = await tier.heartbeat('one', token());
    const second = await tier.heartbeat('two', token());
    expect([first.last, second.last]).toEqual([undefined, { time: first.time, generation: 'g1' }]);
    await tier.close();
  });

  test('the contents have a name, which goes with them', async () => {
    await using both = await twoInstances(makeHarness);
    const { one, two, server } = both;
    const { identity } = await one.heartbeat('one', token());
    expect((await two.heartbeat('two', token())).identity).toBe(identity);
    await server.restart({ keepData: true });
    const again = await until(() => one.heartbeat('one', token()), { what: 'the new run' });
    expect(again.identity).toBe(identity);
    await server.restart({ keepData: false });
    const empty = await until(() => one.heartbeat('one', token()), { what: 'the empty run' });
    expect(empty.identity).not.toBe(identity);
  });

  test('a restart brings the record back, and heartbeats keep it until a generation is agreed', async () => {
    await using both = await twoInstances(makeHarness);
    const { one, server, generation } = both;
    const { time } = await one.heartbeat('one', token());
    await server.restart({ keepData: true });
    const after = await until(() => one.heartbeat('one', token()), { what: 'the new run' });
    const again = await one.heartbeat('one', token());
    for (const { last } of [after, again]) expect(last).toEqual({ time, generation });
    await one.agreeGeneration(after.epoch, 'fresh');
    await one.heartbeat('one', token());
    expect((await one.heartbeat('one', token())).last).toMatchObject({ generation: 'fresh' });
  });

  test('marks are wanted by whoever says so, and the latest one stays', async () => {
    await using both = await twoInstances(makeHarness);
    const { one, two, session } = both;
    expect(await one.heartbeat('one', token())).toMatchObject({ wanted: 0, marked: 0 });
    expect((await one.heartbeat('one', token(), true)).wanted).toBe(1);
    expect((await two.heartbeat('two', token(), true)).wanted).toBe(2);
    await two.leaveMark(session.epoch, 2);
    await two.leaveMark(session.epoch, 1);
    expect(await two.heartbeat('two', token())).toMatchObject({ wanted: 2, marked: 2 });
    expect(await one.heartbeat('one', token(), true)).toMatchObject({ wanted: 3, marked: 2 });
  });

  test('a mark of another epoch counts for nothing, and changes nothing', async () => {
    await using both = await twoInstances(makeHarness);
    const { one, server, session } = both;
    await one.heartbeat('one', token(), true);
    await one.leaveMark(session.epoch, 1);
    await one.leaveMark('0123456789abcdef', 7);
    expect(await one.heartbeat('one', token())).toMatchObject({ wanted: 1, marked: 1 });
    await server.restart({ keepData: true });
    const after = await until(() => one.heartbeat('one', token()), { what: 'the new run' });
    expect(after).toMatchObject({ wanted: 0, marked: 0 });
  });

  test('a fresh generation leaves a mark for all who have asked: nothing old can be in it', async () => {
    await using server = await makeHarness();
    const { tier } = await connect(server.tier());
    const { epoch } = await tier.heartbeat('one', token(), true);
    await tier.heartbeat('one', token(), true);
    await tier.agreeGeneration(epoch, 'g1');
    expect(await tier.heartbeat('one', token(), true)).toMatchObject({ wanted: 3, marked: 2 });
    // One that was agreed before is no news.
    await tier.agreeGeneration(epoch, 'g2');
    expect(await tier.heartbeat('one', token())).toMatchObject({ marked: 2, generation: 'g1' });
    await tier.close();
  });

  test('a generation is agreed for the present epoch alone', async () => {
    await using both = await twoInstances(makeHarness);
    const { one, generation } = both;
    const other = '0123456789abcdef';
    expect(await one.agreeGeneration(other, 'g2').catch((error) => error.failure)).toBe('unavailable');
    const repaired = { generation: 'g2', since: Number.MAX_SAFE_INTEGER, withinMs: LONG, mark: 1 };
    expect(await one.adoptGeneration({ epoch: other, ...repaired })).toBeUndefined();
    expect((await one.heartbeat('one', token())).generation).toBe(generation);
  });

  test('a generation is replaced only by who names it', async () => {
    await using both = await twoInstances(makeHarness);
    const { one, two, session, generation } = both;
    await both.put('a', 'v0');
    expect(await one.agreeGeneration(session.epoch, 'g2', 'another')).toBe(generation);
    expect(await one.agreeGeneration(session.epoch, 'g2', generation)).toBe('g2');
    expect(await two.agreeGeneration(session.epoch, 'g3', generation)).toBe('g2');
    expect(await two.invalidate(orderOf(['a']), session)).toEqual({ kind: 'session-mismatch' });
    expect(await two.read('a', 'g2')).toEqual({ kind: 'none' });
  });

  test('a repair removes what it names before there is a generation, and nothing is done in its name otherwise', async () => {
    await using both = await twoInstances(makeHarness);
    const { one, generation, session } = both;
    const after = await restartedWith(both, ['a', 'b']);
    const repaired = { epoch: after.epoch, generation };
    expect(await one.invalidate(orderOf(['a']), repaired)).toEqual({ kind: 'session-mismatch' });
    expect(await one.invalidate(orderOf(['a']), session, true)).toEqual({ kind: 'session-mismatch' });
    expect((await one.invalidate(orderOf(['a']), repaired, true)).kind).toBe('done');
    expect(await one.read('a', generation)).toEqual({ kind: 'none' });
    expect((await one.read('b', generation)).kind).toBe('value');
    // Once another one is agreed there is nothing left to repair.
    await one.agreeGeneration(after.epoch, 'fresh');
    expect(await one.invalidate(orderOf(['b']), repaired, true)).toEqual({ kind: 'session-mismatch' });
  });

  test('a repaired generation is adopted with its mark, if there is none and the repair is young', async () => {
    await using both = await twoInstances(makeHarness);
    const { one, two, generation } = both;
    const { epoch, time } = await restartedWith(both, ['a']);
    const repaired = { epoch, generation, since: time, withinMs: LONG, mark: 4 };
    expect(await one.adoptGeneration({ ...repaired, since: time - 5_000, withinMs: 1_000 })).toBeUndefined();
    expect((await one.heartbeat('one', token())).generation).toBeUndefined();
    expect(await one.adoptGeneration(repaired)).toBe(generation);
    expect(await one.heartbeat('one', token())).toMatchObject({ generation, marked: 4 });
    expect((await one.read('a', generation)).kind).toBe('value');
    expect(await two.adoptGeneration({ ...repaired, generation: 'other' })).toBe(generation);
  });

  /** Another run over the same data, with these keys filled before. */
  async function restartedWith(
    { one, two, server, put }: Pick<TwoInstances, 'one' | 'two' | 'server' | 'put'>,
    ids: readonly string[],
  ): Promise<Heartbeat> {
    for (const id of ids) await put(id, 'v0');
    await one.heartbeat('one', token());
    await server.restart({ keepData: true });
    await until(() => two.heartbeat('two', token()), { what: 'the other instance' });
    return until(() => one.heartbeat('one', token()), { what: 'the new run' });
  }
}
