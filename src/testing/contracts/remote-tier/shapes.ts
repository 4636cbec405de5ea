import { deepEqual, equal } from 'node:assert/strict';
import type { AddTest } from '../contract.ts';
import { CACHE, connect, LONG, type MakeHarness, orderOf, token, twoInstances } from '../harness.ts';

/** Caches of other versions or formats beside this one, as in a rolling deploy. */
export function shapeContract(test: AddTest, makeHarness: MakeHarness): void {
  const others = [
    { ...CACHE, version: '2' },
    { ...CACHE, version: 'feature/a b:{c}' },
    { ...CACHE, format: CACHE.format + 1 },
  ];

  test('entries and claims of another version or format are out of sight', async () => {
    await using both = await twoInstances(makeHarness);
    const { one, generation, server } = both;
    await both.put('a', 'v');
    equal(await one.claimRefresh('a', generation, token(), LONG), true);
    for (const cache of others) {
      const { tier } = await connect(server.tier(), cache);
      deepEqual(await tier.acquire('a', generation, token(), LONG), { kind: 'none' });
      equal(await tier.claimRefresh('a', generation, token(), LONG), true);
      equal(await tier.sweep(generation, '', () => true, 'delete'), 1);
      await tier.close();
    }
    equal((await one.read('a', generation)).kind, 'value');
  });

  test('tags, numbers and the generation are those of all versions and formats', async () => {
    await using both = await twoInstances(makeHarness);
    const { one, session, generation, server } = both;
    const before = await one.tagGenerations(['t'], generation, LONG);
    for (const cache of others) {
      const { tier } = await connect(server.tier(), cache);
      const beat = await tier.heartbeat('other', token());
      equal(beat.generation, generation);
      equal(beat.sequence, (await one.heartbeat('one', token())).sequence);
      deepEqual(await tier.tagGenerations(['t'], generation, LONG), await one.tagGenerations(['t'], generation, LONG));
      equal((await tier.invalidate(orderOf([], ['t']), session)).kind, 'done');
      await tier.close();
    }
    equal((await both.invalidations()).length, others.length);
    equal((await one.tagGenerations(['t'], generation, LONG))[0]?.hard === before[0]?.hard, false);
  });
}
