import { deepEqual, equal, notDeepEqual, rejects } from 'node:assert/strict';
import { contains } from '../checks.ts';
import type { AddTest } from '../contract.ts';
import { bodyOf, LONG, type MakeHarness, orderOf, sweepAll, token, twoInstances } from '../harness.ts';

/** Checks a server at its memory limit: it stores nothing new, and still does all work that keeps instances correct. */
export function fullServerContract(test: AddTest, makeHarness: MakeHarness): void {
  const full = { name: 'RemoteError', failure: 'full' };

  test({ name: 'a full server still reads, beats, invalidates, agrees and gives back', needs: 'setFull' }, async () => {
    await using both = await twoInstances(makeHarness);
    const { one, two, session, generation } = both;
    const [lease, claim] = [token(), token()];
    await both.put('a', 'v');
    await both.put('b', 'v');
    await one.acquire('c', generation, lease, 1_000);
    await one.acquire('d', generation, lease, LONG);
    await one.claimRefresh('a', generation, claim, LONG);
    const tags = await one.tagGenerations(['t'], generation, LONG);
    await both.server.setFull(true);

    contains(await two.acquire('a', generation, token(), LONG), { kind: 'value' });
    deepEqual(await two.acquire('c', generation, token(), LONG), { kind: 'lease', token: lease });
    const { time } = await two.heartbeat('two', token());
    const [found, refused, taken] = await two.acquireMany(['a', 'nothing', 'c'], generation, token(), LONG, time);
    contains(found, { kind: 'value' });
    contains(refused, full);
    deepEqual(taken, { kind: 'lease', token: lease });
    equal(await bodyOf(two, 'a', generation), 'v');
    deepEqual(await two.tagGenerations(['t'], generation, LONG), tags);
    equal((await two.heartbeat('two', token())).generation, generation);
    equal(await one.renew('c', generation, lease, LONG), true);
    await one.release('c', generation, lease);
    deepEqual(await one.read('c', generation), { kind: 'none' });
    equal(await one.renewRefresh('a', generation, claim, LONG), true);
    await one.releaseRefresh('a', generation, claim);
    await one.leaveOutcome({ id: 'd', generation, of: 'lease', token: lease, outcome: 'failed', keepFor: LONG });
    deepEqual(await two.read('d', generation), { kind: 'outcome', outcome: 'failed' });
    equal((await two.invalidate(orderOf(['a', 'd'], ['t']), session)).kind, 'done');
    equal((await two.invalidate(orderOf(['b'], ['new'], 'expire'), session)).kind, 'done');
    contains(await two.agreeGeneration(session.epoch, 'g', generation), { generation: 'g' });
    deepEqual(await one.read('a', generation), { kind: 'none' });
    contains(await one.read('b', generation), { kind: 'value' });
    notDeepEqual(await one.tagGenerations(['t'], generation, LONG), tags);
    equal(await sweepAll(one, { generation, namespace: '', matches: () => true, mode: 'expire' }), 1);
    equal(await sweepAll(one, { generation, namespace: '', matches: () => true, mode: 'delete' }), 1);
    equal((await both.invalidations()).length, 2);
    await both.server.setFull(false);
  });

  test({ name: 'what it does not store is refused as full, and changes nothing', needs: 'setFull' }, async () => {
    await using both = await twoInstances(makeHarness);
    const { one, session, generation } = both;
    const [lease, claim] = [token(), token()];
    await one.acquire('a', generation, lease, LONG);
    const seen = await both.put('b', 'v');
    await one.claimRefresh('b', generation, claim, LONG);
    await both.server.setFull(true);

    const fill = { generation, token: token(), body: 'x', age: 0, keepFor: LONG };
    const calls = [
      () => one.acquire('nothing there', generation, token(), LONG),
      () => one.fill({ ...fill, id: 'a', expected: { kind: 'lease', token: lease } }),
      () => one.fill({ ...fill, id: 'b', expected: { kind: 'value', token: seen }, claim }),
      () => one.write({ id: 'b', session, origin: 'one', token: token(), body: 'x', keepFor: LONG }),
      () => one.claimRefresh('a', generation, token(), LONG),
      () => one.tagGenerations(['new'], generation, LONG),
    ];
    for (const call of calls) await rejects(call(), full);
    deepEqual(await one.read('nothing there', generation), { kind: 'none' });
    deepEqual(await one.read('a', generation), { kind: 'lease', token: lease });
    equal(await bodyOf(one, 'b', generation), 'v');
    deepEqual(await both.invalidations(), []);

    await both.server.setFull(false);
    equal(await one.fill({ ...fill, id: 'a', expected: { kind: 'lease', token: lease } }), true);
    equal(await one.claimRefresh('b', generation, token(), LONG), 'taken');
  });
}
