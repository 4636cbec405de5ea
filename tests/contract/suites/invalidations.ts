import { expect, test } from 'bun:test';
import { bodyOf, LONG, type MakeHarness, orderOf, token, twoInstances } from './harness.ts';

/** Removing and expiring by key, the numbers, and what is published. */
export function invalidationContract(makeHarness: MakeHarness): void {
  test('deletes every key named, values and leases alike, and tells all instances once', async () => {
    await using both = await twoInstances(makeHarness);
    const { one, two, session, generation } = both;
    const { sequence } = await one.heartbeat('one', token());
    await both.put('a', 'v');
    await both.put('untouched', 'v');
    await one.acquire('b', generation, token(), LONG);
    const order = orderOf(['a', 'b', 'never there'], ['t']);
    expect(await two.invalidate(order, session)).toEqual({ kind: 'done', sequence: sequence + 1 });
    expect(await one.read('a', generation)).toEqual({ kind: 'none' });
    expect(await one.read('b', generation)).toEqual({ kind: 'none' });
    expect(await bodyOf(one, 'untouched', generation)).toBe('v');
    const { targets, mode, origin } = order;
    const message = {
      kind: 'invalidation',
      epoch: session.epoch,
      sequence: sequence + 1,
      origin,
      mode,
      targets,
    } as const;
    expect(await both.invalidations()).toEqual([message]);
    expect((await one.heartbeat('one', token())).sequence).toBe(sequence + 1);
  });

  test('numbers are consecutive and messages in their order, whoever sends', async () => {
    await using both = await twoInstances(makeHarness);
    const { one, two, session } = both;
    const { sequence } = await one.heartbeat('one', token());
    const orders = Array.from({ length: 200 }, (_, index) => {
      const tier = index % 2 === 0 ? one : two;
      return tier.invalidate(orderOf([`k${index}`]), session);
    });
    const given = (await Promise.all(orders)).map((done) => (done.kind === 'done' ? done.sequence : Number.NaN));
    const expected = Array.from({ length: 200 }, (_, index) => sequence + 1 + index);
    expect(given.toSorted((a, b) => a - b)).toEqual(expected);
    expect((await both.invalidations()).map((message) => message.sequence)).toEqual(expected);
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
    expect(record.value.token).not.toBe(seen);
    expect(record.value.expiredAt).toBeGreaterThanOrEqual(time);
    expect(await bodyOf(one, 'a', generation)).toBe('v');
    expect(await one.remaining('a', generation)).toBeLessThanOrEqual(left ?? 0);
    expect(await one.remaining('a', generation)).toBeGreaterThan(LONG / 2);
    expect(await one.read('b', generation)).toEqual({ kind: 'none' });
    expect(await one.read('never there', generation)).toEqual({ kind: 'none' });

    const late = { id: 'a', generation, token: token(), body: 'old', age: 0, keepFor: LONG };
    expect(await one.fill({ ...late, expected: { kind: 'value', token: seen } })).toBe(false);
    expect(await one.fill({ ...late, expected: { kind: 'value', token: record.value.token }, body: 'new' })).toBe(true);
    expect(await one.read('a', generation)).toMatchObject({ value: { expiredAt: 0 } });
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
      // The server's milliseconds must have moved on for the test to be able to fail.
      const { time } = await one.heartbeat('one', token());
      while ((await one.heartbeat('one', token())).time <= time + 1);
    }
    expect(values).toHaveLength(2);
    expect(values[1]?.expiredAt).toBe(values[0]?.expiredAt ?? -1);
    expect(values[1]?.token).not.toBe(values[0]?.token ?? '');
  });

  test('a value that stays for ever stays so when it is expired', async () => {
    await using both = await twoInstances(makeHarness);
    await both.put('a', 'v', Infinity);
    await both.one.invalidate(orderOf(['a'], [], 'expire'), both.session);
    expect(await both.one.remaining('a', both.generation)).toBe(Infinity);
  });

  test('a pattern, or nothing at all, is numbered and told like any other', async () => {
    await using both = await twoInstances(makeHarness);
    const { one, session } = both;
    const pattern = { namespace: 'shop "1"', glob: 'product:*' };
    const targets = { ids: [], tags: [], pattern };
    await one.invalidate({ targets, mode: 'expire', origin: 'one' }, session);
    await one.invalidate(orderOf([]), session);
    const [first, second] = await both.invalidations();
    expect(first).toMatchObject({ targets, mode: 'expire' });
    expect(second?.sequence).toBe((first?.sequence ?? 0) + 1);
  });

  test('a thousand keys and hostile names fit in one order', async () => {
    await using both = await twoInstances(makeHarness);
    const { one, two, session, generation } = both;
    const hostile = ['"', '\\', '\u0001ns\u0001k', '世界🧊', "'; DROP", '{x}', '%s %d', '\u2028'];
    const ids = [...hostile, ...Array.from({ length: 992 }, (_, index) => `${'k'.repeat(1_000)}:${index}`)];
    for (const id of hostile) await both.put(id, 'v');
    expect((await two.invalidate(orderOf(ids), session)).kind).toBe('done');
    for (const id of hostile) expect(await one.read(id, generation)).toEqual({ kind: 'none' });
    expect((await both.invalidations())[0]?.targets.ids).toEqual(ids);
    expect(both.watcher.events).toEqual(['subscribed']);
  });
}
