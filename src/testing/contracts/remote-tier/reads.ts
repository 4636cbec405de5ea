import { deepEqual, equal } from 'node:assert/strict';
import type { AddTest } from '../contract.ts';
import { LONG, type MakeHarness, textOf, token, twoInstances } from '../harness.ts';

/** More keys than an adapter is likely to put into one command. */
const MANY = 1_201;

/** Checks reads of many keys at once. */
export function readContract(test: AddTest, makeHarness: MakeHarness): void {
  test('many keys are read in the order asked: values, leases and nothing', async () => {
    await using both = await twoInstances(makeHarness);
    const { one, two, generation } = both;
    await both.put('a', 'of a');
    await both.put('b', 'of b');
    const lease = token();
    await one.acquire('c', generation, lease, LONG);
    const records = await two.readMany(['c', 'b', 'none', 'a', 'b'], generation);
    const seen = records.map((record) => (record.kind === 'value' ? textOf(record.value.body) : record));
    deepEqual(seen, [{ kind: 'lease', token: lease }, 'of b', { kind: 'none' }, 'of a', 'of b']);
    deepEqual(records[3], await two.read('a', generation));
  });

  test('reading many keys takes no lease, and sees one generation alone', async () => {
    await using both = await twoInstances(makeHarness);
    const { one, two, generation } = both;
    await both.put('a', 'v');
    deepEqual(await one.readMany(['a', 'b'], 'another'), [{ kind: 'none' }, { kind: 'none' }]);
    equal((await one.readMany(['b'], generation))[0]?.kind, 'none');
    deepEqual(await two.acquire('b', generation, token(), LONG), { kind: 'none' });
  });

  test('none is no question, and very many are answered all the same', async () => {
    await using both = await twoInstances(makeHarness);
    const { one, generation } = both;
    deepEqual(await one.readMany([], generation), []);
    await both.put('k0', 'first');
    await both.put(`k${MANY - 1}`, 'last');
    const ids = Array.from({ length: MANY }, (_, index) => `k${index}`);
    const records = await one.readMany(ids, generation);
    equal(records.length, MANY);
    const found = records.flatMap((record, at) => (record.kind === 'value' ? [[at, textOf(record.value.body)]] : []));
    deepEqual(found, [
      [0, 'first'],
      [MANY - 1, 'last'],
    ]);
  });
}
