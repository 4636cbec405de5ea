import { deepEqual, equal, notEqual } from 'node:assert/strict';
import { toId } from '../../../core/model/key.ts';
import { isAbove, isAtMost } from '../checks.ts';
import type { AddTest } from '../contract.ts';
import { LONG, type MakeHarness, sweepAll, token, twoInstances } from '../harness.ts';

/** Checks sweeps by pattern. The core matches the glob. A tier must keep to the namespace and touch nothing else. */
export function sweepContract(test: AddTest, makeHarness: MakeHarness): void {
  for (const namespace of ['', '*', '[^x]', 'a?', '{}', '}{', 'a:b', '\\', '3:abc', '世界', 'a\u001fb']) {
    test(`stays inside namespace ${JSON.stringify(namespace)}`, async () => {
      await using both = await twoInstances(makeHarness);
      const { one, two, generation } = both;
      const keys = ['k', 'a:b', '*', '[^x]', '{}', 'b:c', '世界🧊'];
      const others = ['', 'x', 'ab', 'a', 'abc', '**', 'a\u001f', 'a:b:'].filter((other) => other !== namespace);
      const ids = keys.map((key) => toId(namespace, key));
      const foreign = others.flatMap((other) => keys.map((key) => toId(other, key)));
      for (const id of [...ids, ...foreign]) await both.put(id, 'v');
      const offered: string[] = [];
      const all = (id: string) => {
        offered.push(id);
        return true;
      };
      equal(await sweepAll(two, { generation, namespace, matches: all, mode: 'delete' }), ids.length);
      deepEqual(offered.toSorted(), ids.toSorted());
      for (const id of ids) deepEqual(await one.read(id, generation), { kind: 'none' });
      for (const id of foreign) equal((await one.read(id, generation)).kind, 'value');
    });
  }

  test('touches what matches, in this generation, and nothing beside entries', async () => {
    await using both = await twoInstances(makeHarness);
    const { one, generation } = both;
    for (const id of ['product:1', 'product:2', 'order:1']) await both.put(id, 'v');
    const otherLease = token();
    await one.acquire('product:3', 'another', otherLease, LONG);
    await one.claimRefresh('product:1', generation, token(), LONG);
    const tags = await one.tagGenerations(['product:1'], generation, LONG);
    equal(
      await sweepAll(one, { generation, namespace: '', matches: (id) => id.startsWith('product:'), mode: 'delete' }),
      2,
    );
    equal((await one.read('order:1', generation)).kind, 'value');
    deepEqual(await one.read('product:3', 'another'), { kind: 'lease', token: otherLease });
    equal(await one.claimRefresh('product:1', generation, token(), LONG), 'taken');
    deepEqual(await one.tagGenerations(['product:1'], generation, LONG), tags);
    equal(await sweepAll(one, { generation, namespace: '', matches: () => true, mode: 'delete' }), 1);
    equal(await sweepAll(one, { generation, namespace: '', matches: () => true, mode: 'delete' }), 0);
  });

  test('expiring keeps values under another token and removes leases', async () => {
    await using both = await twoInstances(makeHarness);
    const { one, two, generation } = both;
    const seen = await both.put('a', 'v');
    await one.acquire('b', generation, token(), LONG);
    equal(await sweepAll(two, { generation, namespace: '', matches: () => true, mode: 'expire' }), 2);
    const record = await one.read('a', generation);
    if (record.kind !== 'value') throw new Error(`found a ${record.kind}`);
    notEqual(record.value.token, seen);
    isAbove(record.value.expiredAt, 0);
    deepEqual(await one.read('b', generation), { kind: 'none' });
  });

  test('one step is bounded, and the next one goes on from its cursor although keys have gone meanwhile', async () => {
    await using both = await twoInstances(makeHarness);
    const { one, two, generation } = both;
    const ids = Array.from({ length: 3_000 }, (_, index) => `k${index}`);
    await Promise.all(ids.map((id) => both.put(id, 'v')));
    const seen = new Set<string>();
    const request = {
      generation,
      namespace: '',
      matches: (id: string) => !!seen.add(id) && false,
      mode: 'delete',
    } as const;
    const first = await one.sweep(request);
    notEqual(first.cursor, undefined);
    isAtMost(seen.size, ids.length - 1);
    // Another instance removes some of the keys that the sweep has looked at.
    for (const id of [...seen].slice(0, 100)) await two.sweep({ ...request, matches: (each) => each === id });
    let { cursor } = first;
    while (cursor !== undefined) ({ cursor } = await one.sweep({ ...request, cursor }));
    deepEqual([...seen].toSorted(), ids.toSorted());
  });

  test('goes on beyond one batch, and publishes nothing', async () => {
    await using both = await twoInstances(makeHarness);
    const { one, two, generation } = both;
    const ids = Array.from({ length: 1_200 }, (_, index) => `k${index}`);
    await Promise.all(ids.map((id) => both.put(id, 'v')));
    const { sequence } = await one.heartbeat('one', token());
    equal(await sweepAll(two, { generation, namespace: '', matches: (id) => id !== 'k7', mode: 'delete' }), 1_199);
    equal((await one.read('k7', generation)).kind, 'value');
    deepEqual(await both.invalidations(), []);
    equal((await one.heartbeat('one', token())).sequence, sequence);
  });
}
