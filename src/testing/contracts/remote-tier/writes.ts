import { deepEqual, equal } from 'node:assert/strict';
import type { WriteRequest } from '../../../core/ports/remote-tier.ts';
import { contains, isAbove } from '../checks.ts';
import type { AddTest } from '../contract.ts';
import { bodyOf, LONG, type MakeHarness, type TwoInstances, token, twoInstances } from '../harness.ts';

/** Checks `set`, which stores a value without a load. */
export function writeContract(test: AddTest, makeHarness: MakeHarness): void {
  test('stores under a new token, and names the key to every instance', async () => {
    await using both = await twoInstances(makeHarness);
    const { one, two, session, generation } = both;
    const { sequence, time } = await one.heartbeat('one', token());
    const given = token();
    const done = await one.write(writeOf(both, { token: given, body: 'v' }));
    deepEqual(done, { kind: 'done', sequence: sequence + 1 });
    const record = await two.read('a', generation);
    contains(record, { kind: 'value', value: { token: given, expiredAt: 0 } });
    equal(record.kind === 'value' && record.value.storedAt >= time, true);
    equal(await bodyOf(two, 'a', generation), 'v');
    isAbove(await two.remaining('a', generation), LONG / 2);
    deepEqual(await both.invalidations(), [
      {
        kind: 'invalidation',
        epoch: session.epoch,
        sequence: sequence + 1,
        origin: 'one',
        mode: 'delete',
        targets: { ids: ['a'], tags: [] },
      },
    ]);
  });

  test('the last call wins without a version', async () => {
    await using both = await twoInstances(makeHarness);
    await both.one.write(writeOf(both, { body: 'v1', version: 9 }));
    await both.two.write(writeOf(both, { body: 'v2' }));
    equal(await bodyOf(both.one, 'a', both.generation), 'v2');
  });

  test('an older version is refused and leaves no trace; the same and a newer one are taken', async () => {
    await using both = await twoInstances(makeHarness);
    const { one, two, generation } = both;
    const newest = Number.MAX_SAFE_INTEGER;
    await one.write(writeOf(both, { body: 'v10', version: 10 }));
    const before = await both.invalidations();
    deepEqual(await two.write(writeOf(both, { body: 'v9', version: 9 })), { kind: 'older' });
    deepEqual(await both.invalidations(), before);
    equal(await bodyOf(one, 'a', generation), 'v10');
    equal((await two.write(writeOf(both, { body: 'v10 again', version: 10 }))).kind, 'done');
    equal((await two.write(writeOf(both, { body: 'newest', version: newest }))).kind, 'done');
    deepEqual(await two.write(writeOf(both, { body: 'v', version: newest - 1 })), { kind: 'older' });
    equal(await bodyOf(one, 'a', generation), 'newest');
  });

  test('a refresh keeps the version of the value it replaces', async () => {
    await using both = await twoInstances(makeHarness);
    const { one, two, generation } = both;
    const seen = token();
    await one.write(writeOf(both, { token: seen, body: 'v10', version: 10 }));
    const expected = { kind: 'value', token: seen } as const;
    await one.fill({ id: 'a', generation, expected, token: token(), body: 'loaded', age: 0, keepFor: LONG });
    deepEqual(await two.write(writeOf(both, { body: 'v9', version: 9 })), { kind: 'older' });
    equal(await bodyOf(two, 'a', generation), 'loaded');
  });

  test({ name: 'writes over whatever is there', needs: 'damage' }, async () => {
    await using both = await twoInstances(makeHarness);
    const { one, two, generation } = both;
    await one.acquire('a', generation, token(), LONG);
    await two.write(writeOf(both, { body: 'over a lease', version: 1 }));
    equal(await bodyOf(one, 'a', generation), 'over a lease');
    await both.server.damage('a', generation);
    await two.write(writeOf(both, { body: 'over garbage', keepFor: Infinity, version: 1 }));
    equal(await bodyOf(one, 'a', generation), 'over garbage');
    equal(await one.remaining('a', generation), Infinity);
  });
}

function writeOf(both: TwoInstances, over: Partial<WriteRequest> & Pick<WriteRequest, 'body'>): WriteRequest {
  return { id: 'a', session: both.session, origin: 'one', token: token(), keepFor: LONG, ...over };
}
