import { expect, test } from 'bun:test';
import { toId } from '../../../src/core/key.ts';
import { LONG, type MakeHarness, token, twoInstances } from './harness.ts';

/** Removing by pattern. The glob itself is the core's; here the namespace must hold and nothing else be touched. */
export function sweepContract(makeHarness: MakeHarness): void {
  test.each(['', '*', '[^x]', 'a?', '{}', '}{', 'a:b', '\\', '3:abc', '世界', 'a\u001fb'])(
    'stays inside namespace %p',
    async (namespace) => {
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
      expect(await two.sweep(generation, namespace, all, 'delete')).toBe(ids.length);
      expect(offered.toSorted()).toEqual(ids.toSorted());
      for (const id of ids) expect(await one.read(id, generation)).toEqual({ kind: 'none' });
      for (const id of foreign) expect((await one.read(id, generation)).kind).toBe('value');
    },
  );

  test('touches what matches, in this generation, and nothing beside entries', async () => {
    await using both = await twoInstances(makeHarness);
    const { one, generation } = both;
    for (const id of ['product:1', 'product:2', 'order:1']) await both.put(id, 'v');
    const otherLease = token();
    await one.acquire('product:3', 'another', otherLease, LONG);
    await one.claimRefresh('product:1', generation, token(), LONG);
    const tags = await one.tagGenerations(['product:1'], generation, LONG);
    expect(await one.sweep(generation, '', (id) => id.startsWith('product:'), 'delete')).toBe(2);
    expect((await one.read('order:1', generation)).kind).toBe('value');
    expect(await one.read('product:3', 'another')).toEqual({ kind: 'lease', token: otherLease });
    expect(await one.claimRefresh('product:1', generation, token(), LONG)).toBe(false);
    expect(await one.tagGenerations(['product:1'], generation, LONG)).toEqual(tags);
    expect(await one.sweep(generation, '', () => true, 'delete')).toBe(1);
    expect(await one.sweep(generation, '', () => true, 'delete')).toBe(0);
  });

  test('expiring keeps values under another token and removes leases', async () => {
    await using both = await twoInstances(makeHarness);
    const { one, two, generation } = both;
    const seen = await both.put('a', 'v');
    await one.acquire('b', generation, token(), LONG);
    expect(await two.sweep(generation, '', () => true, 'expire')).toBe(2);
    const record = await one.read('a', generation);
    if (record.kind !== 'value') throw new Error(`found a ${record.kind}`);
    expect(record.value.token).not.toBe(seen);
    expect(record.value.expiredAt).toBeGreaterThan(0);
    expect(await one.read('b', generation)).toEqual({ kind: 'none' });
  });

  test('goes on beyond one batch, and publishes nothing', async () => {
    await using both = await twoInstances(makeHarness);
    const { one, two, generation } = both;
    const ids = Array.from({ length: 1_200 }, (_, index) => `k${index}`);
    await Promise.all(ids.map((id) => both.put(id, 'v')));
    const { sequence } = await one.heartbeat('one', token());
    expect(await two.sweep(generation, '', (id) => id !== 'k7', 'delete')).toBe(1_199);
    expect((await one.read('k7', generation)).kind).toBe('value');
    expect(await both.invalidations()).toEqual([]);
    expect((await one.heartbeat('one', token())).sequence).toBe(sequence);
  });
}
