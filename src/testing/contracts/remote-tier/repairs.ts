import { deepEqual, equal, notEqual } from 'node:assert/strict';
import type { Heartbeat } from '../../../core/ports/remote-tier.ts';
import { until } from '../../until.ts';
import { contains, isAtLeast } from '../checks.ts';
import type { AddTest } from '../contract.ts';
import { connect, LONG, type MakeHarness, orderOf, type TwoInstances, token, twoInstances } from '../harness.ts';

/**
 * Checks what a relay needs for a repair: the earlier history, marks, and orders under a generation that is not agreed
 * yet.
 */
export function repairContract(test: AddTest, makeHarness: MakeHarness): void {
  test('the record of the last heartbeat says when there was a generation, and which', async () => {
    await using server = await makeHarness();
    const { tier } = await connect(server.tier());
    const { epoch, last } = await tier.heartbeat('one', token());
    equal(last, undefined);
    await tier.heartbeat('one', token());
    await tier.agreeGeneration(epoch, 'g1');
    // Without a generation a heartbeat records nothing. With one, each heartbeat finds the record of the heartbeat
    // before it.
    const first = await tier.heartbeat('one', token());
    const second = await tier.heartbeat('two', token());
    deepEqual([first.last, second.last], [undefined, { time: first.time, generation: 'g1' }]);
    await tier.close();
  });

  test({ name: 'the contents have a name, which goes with them', needs: 'restart' }, async () => {
    await using both = await twoInstances(makeHarness);
    const { one, two, server } = both;
    const { identity } = await one.heartbeat('one', token());
    equal((await two.heartbeat('two', token())).identity, identity);
    await server.restart({ keepData: true });
    const again = await until(() => one.heartbeat('one', token()), { what: 'the new run' });
    equal(again.identity, identity);
    await server.restart({ keepData: false });
    const empty = await until(() => one.heartbeat('one', token()), { what: 'the empty run' });
    notEqual(empty.identity, identity);
  });

  test(
    { name: 'a restart brings the record back, and heartbeats keep it until a generation is agreed', needs: 'restart' },
    async () => {
      await using both = await twoInstances(makeHarness);
      const { one, server, generation } = both;
      const { time } = await one.heartbeat('one', token());
      await server.restart({ keepData: true });
      const after = await until(() => one.heartbeat('one', token()), { what: 'the new run' });
      const again = await one.heartbeat('one', token());
      for (const { last } of [after, again]) deepEqual(last, { time, generation });
      await one.agreeGeneration(after.epoch, 'fresh');
      await one.heartbeat('one', token());
      contains((await one.heartbeat('one', token())).last, { generation: 'fresh' });
    },
  );

  test({ name: 'a generation is vouched for in one epoch alone', needs: 'restart' }, async () => {
    await using both = await twoInstances(makeHarness);
    const { one, two, server, generation } = both;
    contains(await one.heartbeat('one', token()), { isVouchedFor: false });
    contains(await one.heartbeat('one', token(), false, 'another'), { isVouchedFor: false });
    contains(await one.heartbeat('one', token(), false, generation), { isVouchedFor: true });
    contains(await two.heartbeat('two', token()), { isVouchedFor: true });
    await server.restart({ keepData: true });
    const after = await until(() => one.heartbeat('one', token(), false, generation), { what: 'the new run' });
    contains(after, { generation: undefined, isVouchedFor: false });
    await one.agreeGeneration(after.epoch, generation);
    contains(await one.heartbeat('one', token()), { isVouchedFor: false });
    contains(await one.heartbeat('one', token(), false, generation), { isVouchedFor: true });
    await one.agreeGeneration(after.epoch, 'fresh', generation);
    contains(await one.heartbeat('one', token()), { isVouchedFor: false });
  });

  test('each instance can request a mark, and the latest mark stays', async () => {
    await using both = await twoInstances(makeHarness);
    const { one, two, session } = both;
    contains(await one.heartbeat('one', token()), { marksRequested: 0, marksCompleted: 0 });
    equal((await one.heartbeat('one', token(), true)).marksRequested, 1);
    equal((await two.heartbeat('two', token(), true)).marksRequested, 2);
    await two.leaveMark(session.epoch, 2);
    await two.leaveMark(session.epoch, 1);
    contains(await two.heartbeat('two', token()), { marksRequested: 2, marksCompleted: 2 });
    contains(await one.heartbeat('one', token(), true), { marksRequested: 3, marksCompleted: 2 });
  });

  test({ name: 'a mark of another epoch counts for nothing, and changes nothing', needs: 'restart' }, async () => {
    await using both = await twoInstances(makeHarness);
    const { one, server, session } = both;
    await one.heartbeat('one', token(), true);
    await one.leaveMark(session.epoch, 1);
    await one.leaveMark('0123456789abcdef', 7);
    contains(await one.heartbeat('one', token()), { marksRequested: 1, marksCompleted: 1 });
    await server.restart({ keepData: true });
    const after = await until(() => one.heartbeat('one', token()), { what: 'the new run' });
    contains(after, { marksRequested: 0, marksCompleted: 0 });
  });

  test('a fresh generation leaves a mark for all who have asked: nothing old can be in it', async () => {
    await using server = await makeHarness();
    const { tier } = await connect(server.tier());
    const { epoch } = await tier.heartbeat('one', token(), true);
    await tier.heartbeat('one', token(), true);
    await tier.agreeGeneration(epoch, 'g1');
    contains(await tier.heartbeat('one', token(), true), { marksRequested: 3, marksCompleted: 2 });
    // A generation that was agreed before changes nothing.
    await tier.agreeGeneration(epoch, 'g2');
    contains(await tier.heartbeat('one', token()), { marksCompleted: 2, generation: 'g1' });
    await tier.close();
  });

  test('a generation is agreed for the present epoch alone', async () => {
    await using both = await twoInstances(makeHarness);
    const { one, generation } = both;
    const other = '0123456789abcdef';
    equal(await one.agreeGeneration(other, 'g2').catch((error) => error.failure), 'unavailable');
    const repaired = { generation: 'g2', since: Number.MAX_SAFE_INTEGER, withinMs: LONG, mark: 1 };
    equal(await one.adoptGeneration({ epoch: other, ...repaired }), undefined);
    equal((await one.heartbeat('one', token())).generation, generation);
  });

  test('a generation is replaced only by who names it', async () => {
    await using both = await twoInstances(makeHarness);
    const { one, two, session, generation } = both;
    await both.put('a', 'v0');
    contains(await one.agreeGeneration(session.epoch, 'g2', 'another'), { generation });
    contains(await one.agreeGeneration(session.epoch, 'g2', generation), { generation: 'g2' });
    contains(await two.agreeGeneration(session.epoch, 'g3', generation), { generation: 'g2' });
    deepEqual(await two.invalidate(orderOf(['a']), session), { kind: 'session-mismatch' });
    deepEqual(await two.read('a', 'g2'), { kind: 'none' });
  });

  test('each agreement has a greater term than the one before it, and than the one that it is to follow', async () => {
    await using server = await makeHarness();
    const { tier } = await connect(server.tier());
    const { epoch, term, time } = await tier.heartbeat('one', token());
    equal(term, 0);
    const first = await tier.agreeGeneration(epoch, 'g1');
    isAtLeast(first.term, time);
    contains(await tier.heartbeat('one', token()), first);
    const later = first.term + 1_000_000;
    deepEqual(await tier.agreeGeneration(epoch, 'g2', 'g1', later), { generation: 'g2', term: later + 1 });
    deepEqual(await tier.agreeGeneration(epoch, 'g3', 'g2'), { generation: 'g3', term: later + 2 });
    contains(await tier.heartbeat('one', token()), { generation: 'g3', term: later + 2 });
    await tier.close();
  });

  test('an agreement gives way only to an instance that has used a later one', async () => {
    await using server = await makeHarness();
    const { tier } = await connect(server.tier());
    const { epoch } = await tier.heartbeat('one', token());
    const first = await tier.agreeGeneration(epoch, 'g1');
    deepEqual(await tier.agreeGeneration(epoch, 'g2', undefined, first.term - 1), first);
    const second = await tier.agreeGeneration(epoch, 'g2', undefined, first.term);
    contains(second, { generation: 'g2' });
    isAtLeast(second.term, first.term + 1);
    deepEqual(await tier.agreeGeneration(epoch, 'g3', undefined, first.term), second);
    const repaired = { epoch, generation: 'g4', since: Number.MAX_SAFE_INTEGER, withinMs: LONG, mark: 1 };
    equal(await tier.adoptGeneration({ ...repaired, after: second.term }), 'g2');
    await tier.close();
  });

  test({ name: 'a repaired generation is adopted with a later term', needs: 'restart' }, async () => {
    await using both = await twoInstances(makeHarness);
    const { one, generation } = both;
    const { epoch, time } = await restartedWith(both, []);
    const after = time + 1_000_000;
    const repaired = { epoch, generation, since: time, withinMs: LONG, mark: 1, after };
    equal(await one.adoptGeneration(repaired), generation);
    contains(await one.heartbeat('one', token()), { generation, term: after + 1 });
  });

  test(
    {
      name: 'a repair removes what it names before there is a generation, and nothing is done in its name otherwise',
      needs: 'restart',
    },
    async () => {
      await using both = await twoInstances(makeHarness);
      const { one, generation, session } = both;
      const after = await restartedWith(both, ['a', 'b']);
      const repaired = { epoch: after.epoch, generation };
      deepEqual(await one.invalidate(orderOf(['a']), repaired), { kind: 'session-mismatch' });
      deepEqual(await one.invalidate(orderOf(['a']), session, true), { kind: 'session-mismatch' });
      equal((await one.invalidate(orderOf(['a']), repaired, true)).kind, 'done');
      deepEqual(await one.read('a', generation), { kind: 'none' });
      equal((await one.read('b', generation)).kind, 'value');
      // After another generation is agreed, nothing is left to repair.
      await one.agreeGeneration(after.epoch, 'fresh');
      deepEqual(await one.invalidate(orderOf(['b']), repaired, true), { kind: 'session-mismatch' });
    },
  );

  test(
    {
      name: 'a repaired generation is adopted with its mark, if there is none and the repair is young',
      needs: 'restart',
    },
    async () => {
      await using both = await twoInstances(makeHarness);
      const { one, two, generation } = both;
      const { epoch, time } = await restartedWith(both, ['a']);
      const repaired = { epoch, generation, since: time, withinMs: LONG, mark: 4 };
      equal(await one.adoptGeneration({ ...repaired, since: time - 5_000, withinMs: 1_000 }), undefined);
      equal((await one.heartbeat('one', token())).generation, undefined);
      equal(await one.adoptGeneration(repaired), generation);
      contains(await one.heartbeat('one', token()), { generation, marksCompleted: 4 });
      equal((await one.read('a', generation)).kind, 'value');
      equal(await two.adoptGeneration({ ...repaired, generation: 'other' }), generation);
    },
  );

  /** Restarts the server with its data, after these keys were filled. */
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
