import { deepEqual, equal } from 'node:assert/strict';
import { isAbove } from '../checks.ts';
import type { AddTest } from '../contract.ts';
import { LONG, type MakeHarness, token, twoInstances } from '../harness.ts';

/** Checks that records of other generations are removed, and none of the present one. */
export function otherGenerationsContract(test: AddTest, makeHarness: MakeHarness): void {
  test('what lies in other generations is removed, and nothing of the present one', async () => {
    await using both = await twoInstances(makeHarness);
    const { one, two, session, generation } = both;
    await both.put('a', 'v');
    const tags = await one.tagGenerations(['t'], generation, LONG);
    await one.claimRefresh('a', generation, token(), LONG);
    for (const other of ['old', 'older']) {
      const lease = token();
      await one.acquire('a', other, lease, LONG);
      const expected = { kind: 'lease', token: lease } as const;
      await one.fill({
        id: 'a',
        generation: other,
        expected,
        token: token(),
        body: 'v',
        age: 0,
        keepFor: Infinity,
      });
      await one.claimRefresh('a', other, token(), LONG);
      await one.tagGenerations(['t'], other, LONG);
    }
    let removed = 0;
    let cursor: string | undefined;
    do {
      const step = await two.sweepOthers(session, 'holder', cursor);
      equal(step.kind, 'done');
      if (step.kind !== 'done') break;
      removed += step.removed;
      cursor = step.cursor;
    } while (cursor !== undefined);
    equal(removed, 6);
    for (const other of ['old', 'older']) {
      deepEqual(await one.read('a', other), { kind: 'none' });
      equal(await one.claimRefresh('a', other, token(), LONG), 'granted');
    }
    equal((await one.read('a', generation)).kind, 'value');
    deepEqual(await one.tagGenerations(['t'], generation, LONG), tags);
    equal(await one.claimRefresh('a', generation, token(), LONG), 'taken');
  });

  test('one instance sweeps in a generation, also after it is done', async () => {
    await using both = await twoInstances(makeHarness);
    const { one, two, session } = both;
    equal((await one.sweepOthers(session, 'holder')).kind, 'done');
    deepEqual(await two.sweepOthers(session, 'other'), { kind: 'elsewhere' });
    equal((await one.sweepOthers(session, 'holder')).kind, 'done');
  });

  test('nothing is removed in the name of another session, nor before a generation is agreed', async () => {
    await using both = await twoInstances(makeHarness);
    const { one, session, generation } = both;
    await both.put('a', 'v');
    await one.acquire('b', 'old', token(), LONG);
    for (const other of [
      { epoch: session.epoch, generation: 'old' },
      { epoch: '0000000000000000', generation },
      { epoch: '0000000000000000', generation: 'old' },
    ])
      deepEqual(await one.sweepOthers(other, 'holder'), { kind: 'session-mismatch' });
    equal((await one.read('a', generation)).kind, 'value');
    equal((await one.read('b', 'old')).kind, 'lease');
  });

  test('many are removed in steps, each of a bounded number', async () => {
    await using both = await twoInstances(makeHarness);
    const { one, session } = both;
    const ids = Array.from({ length: 1_300 }, (_, index) => `k${index}`);
    await Promise.all(ids.map((id) => one.acquire(id, 'old', token(), LONG)));
    let steps = 0;
    let removed = 0;
    let cursor: string | undefined;
    do {
      const step = await one.sweepOthers(session, 'holder', cursor);
      if (step.kind !== 'done') throw new Error(`The step was ${step.kind}`);
      steps += 1;
      removed += step.removed;
      cursor = step.cursor;
    } while (cursor !== undefined);
    equal(removed, ids.length);
    isAbove(steps, 2);
  });
}
