import { deepEqual, equal, notEqual } from 'node:assert/strict';
import { contains, isAbove, isAtLeast, isAtMost } from '../checks.ts';
import type { AddTest } from '../contract.ts';
import { bodyOf, LONG, type MakeHarness, orderOf, token, twoInstances } from '../harness.ts';

/** Checks invalidations by key, their sequence numbers, and the messages that they publish. */
export function invalidationContract(test: AddTest, makeHarness: MakeHarness): void {
  test('deletes every key named, values and leases alike, and tells all instances once', async () => {
    await using both = await twoInstances(makeHarness);
    const { one, two, session, generation } = both;
    const { sequence } = await one.heartbeat('one', token());
    await both.put('a', 'v');
    await both.put('untouched', 'v');
    await one.acquire('b', generation, token(), LONG);
    const order = orderOf(['a', 'b', 'never there'], ['t']);
    deepEqual(await two.invalidate(order, session), { kind: 'done', sequence: sequence + 1 });
    deepEqual(await one.read('a', generation), { kind: 'none' });
    deepEqual(await one.read('b', generation), { kind: 'none' });
    equal(await bodyOf(one, 'untouched', generation), 'v');
    const { targets, mode, origin } = order;
    const message = {
      kind: 'invalidation',
      epoch: session.epoch,
      sequence: sequence + 1,
      origin,
      mode,
      targets,
    } as const;
    deepEqual(await both.invalidations(), [message]);
    equal((await one.heartbeat('one', token())).sequence, sequence + 1);
  });

  test('numbers are consecutive and messages in their order, whichever instance sends', async () => {
    await using both = await twoInstances(makeHarness);
    const { one, two, session } = both;
    const { sequence } = await one.heartbeat('one', token());
    const orders = Array.from({ length: 200 }, (_, index) => {
      const tier = index % 2 === 0 ? one : two;
      return tier.invalidate(orderOf([`k${index}`]), session);
    });
    const given = (await Promise.all(orders)).map((done) => (done.kind === 'done' ? done.sequence : Number.NaN));
    const expected = Array.from({ length: 200 }, (_, index) => sequence + 1 + index);
    deepEqual(
      given.toSorted((a, b) => a - b),
      expected,
    );
    deepEqual(
      (await both.invalidations()).map((message) => message.sequence),
      expected,
    );
  });

  test('expiring keeps a value and its stay under another token, and removes a lease', async () => {
    await using both = await twoInstances(makeHarness);
    const { one, two, session, generation } = both;
    const seen = await both.put('a', 'v', LONG);
    const lease = token();
    await one.acquire('b', generation, lease, LONG);
    const left = await one.remaining('a', generation);
    const { time } = await one.heartbeat('one', token());
    await two.invalidate(orderOf(['a', 'b', 'never there'], [], 'expire'), session);

    const record = await one.read('a', generation);
    if (record.kind !== 'value') throw new Error(`found a ${record.kind}`);
    notEqual(record.value.token, seen);
    isAtLeast(record.value.expiredAt, time);
    equal(await bodyOf(one, 'a', generation), 'v');
    isAtMost(await one.remaining('a', generation), left ?? 0);
    isAbove(await one.remaining('a', generation), LONG / 2);
    deepEqual(await one.read('b', generation), { kind: 'none' });
    deepEqual(await one.read('never there', generation), { kind: 'none' });

    const late = { id: 'a', generation, token: token(), body: 'old', age: 0, keepFor: LONG };
    equal(await one.fill({ ...late, expected: { kind: 'value', token: seen } }), false);
    equal(await one.fill({ ...late, expected: { kind: 'value', token: record.value.token }, body: 'new' }), true);
    contains(await one.read('a', generation), { value: { expiredAt: 0 } });
  });

  test('expiring again keeps the first moment, under yet another token', async () => {
    await using both = await twoInstances(makeHarness);
    const { one, session, generation } = both;
    await both.put('a', 'v');
    const values = [];
    for (let round = 0; round < 2; round++) {
      await one.invalidate(orderOf(['a'], [], 'expire'), session);
      const record = await one.read('a', generation);
      if (record.kind === 'value') values.push(record.value);
      // The test can only fail when the server's clock has moved on by a millisecond.
      const { time } = await one.heartbeat('one', token());
      while ((await one.heartbeat('one', token())).time <= time + 1);
    }
    equal(values.length, 2);
    equal(values[1]?.expiredAt, values[0]?.expiredAt ?? -1);
    notEqual(values[1]?.token, values[0]?.token ?? '');
  });

  test('a value that stays for ever stays so when it is expired', async () => {
    await using both = await twoInstances(makeHarness);
    await both.put('a', 'v', Infinity);
    await both.one.invalidate(orderOf(['a'], [], 'expire'), both.session);
    equal(await both.one.remaining('a', both.generation), Infinity);
  });

  test('a pattern, or nothing at all, is numbered and told like any other', async () => {
    await using both = await twoInstances(makeHarness);
    const { one, session } = both;
    const pattern = { namespace: 'shop "1"', glob: 'product:*' };
    const targets = { ids: [], tags: [], pattern };
    await one.invalidate({ targets, mode: 'expire', origin: 'one' }, session);
    await one.invalidate(orderOf([]), session);
    const [first, second] = await both.invalidations();
    contains(first, { targets, mode: 'expire' });
    equal(second?.sequence, (first?.sequence ?? 0) + 1);
  });

  test('a thousand keys and hostile names fit in one order', async () => {
    await using both = await twoInstances(makeHarness);
    const { one, two, session, generation } = both;
    const hostile = ['"', '\\', '\u0001ns\u0001k', '世界🧊', "'; DROP", '{x}', '%s %d', '\u2028'];
    const ids = [...hostile, ...Array.from({ length: 992 }, (_, index) => `${'k'.repeat(1_000)}:${index}`)];
    for (const id of hostile) await both.put(id, 'v');
    equal((await two.invalidate(orderOf(ids), session)).kind, 'done');
    for (const id of hostile) deepEqual(await one.read(id, generation), { kind: 'none' });
    deepEqual((await both.invalidations())[0]?.targets.ids, ids);
    deepEqual(both.watcher.events, ['subscribed']);
  });
}
