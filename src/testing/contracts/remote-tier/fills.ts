import { deepEqual, equal } from 'node:assert/strict';
import { until } from '../../until.ts';
import { contains, isAbove, isAtLeast, isAtMost } from '../checks.ts';
import type { AddTest } from '../contract.ts';
import {
  bodyOf,
  LONG,
  type MakeHarness,
  orderOf,
  sweepAll,
  type TwoInstances,
  token,
  twoInstances,
} from '../harness.ts';

/** Checks fills: a loaded value is stored only over the record that its loader saw before the load. */
export function fillContract(test: AddTest, makeHarness: MakeHarness): void {
  test('a fill over my lease stores the value for every instance, stamped with the server time less its age', async () => {
    await using both = await twoInstances(makeHarness);
    const { one, two, generation } = both;
    const lease = token();
    await one.acquire('a', generation, lease, LONG);
    const { time: before } = await one.heartbeat('one', token());
    const given = token();
    const request = { id: 'a', generation, token: given, body: 'v', age: 5_000, keepFor: LONG } as const;
    equal(await one.fill({ ...request, expected: { kind: 'lease', token: lease } }), true);
    const { time: after } = await one.heartbeat('one', token());

    const record = await two.acquire('a', generation, token(), LONG);
    if (record.kind !== 'value') throw new Error(`found a ${record.kind}`);
    contains(record.value, { token: given, expiredAt: 0 });
    isAtLeast(record.value.storedAt, before - 5_000 - 1);
    isAtMost(record.value.storedAt, after - 5_000);
    equal(await bodyOf(two, 'a', generation), 'v');
    isAbove(await two.remaining('a', generation), LONG / 2);
  });

  test('a value is stored under the agreed generation alone', async () => {
    await using both = await twoInstances(makeHarness);
    const { one, session, generation } = both;
    const lease = token();
    for (const each of [generation, 'another']) await one.acquire('a', each, lease, LONG);
    const expected = { kind: 'lease', token: lease } as const;
    const request = { id: 'a', expected, token: token(), body: 'v', age: 0, keepFor: LONG } as const;
    equal(await one.fill({ ...request, generation: 'another' }), false);
    await one.agreeGeneration(session.epoch, 'another', generation);
    equal(await one.fill({ ...request, generation }), false);
    equal(await one.fill({ ...request, generation: 'another' }), true);
  });

  const meanwhiles: [string, (both: TwoInstances, lease: string) => Promise<unknown>][] = [
    ['the lease was given back', ({ one, generation }, lease) => one.release('a', generation, lease)],
    ['the key was deleted', ({ two, session }) => two.invalidate(orderOf(['a']), session)],
    ['the key was expired', ({ two, session }) => two.invalidate(orderOf(['a'], [], 'expire'), session)],
    [
      'a pattern swept it',
      ({ two, generation }) => sweepAll(two, { generation, namespace: '', matches: () => true, mode: 'delete' }),
    ],
    [
      'another instance holds the lease now',
      async ({ two, session, generation }) => {
        await two.invalidate(orderOf(['a']), session);
        await two.acquire('a', generation, token(), LONG);
      },
    ],
    [
      'another instance wrote the key',
      ({ two, session }) => two.write({ id: 'a', session, origin: 'two', token: token(), body: 'new', keepFor: LONG }),
    ],
  ];
  for (const [what, meanwhile] of meanwhiles) {
    test(`a fill is refused when ${what}`, async () => {
      await using both = await twoInstances(makeHarness);
      const { one, generation } = both;
      const lease = token();
      await one.acquire('a', generation, lease, LONG);
      await meanwhile(both, lease);
      const before = await one.read('a', generation);
      const expected = { kind: 'lease', token: lease } as const;
      const late = { id: 'a', generation, expected, token: token(), body: 'old', age: 0, keepFor: LONG };
      equal(await one.fill(late), false);
      deepEqual(await one.read('a', generation), before);
    });
  }

  test('a fill is refused when the lease has run out', async () => {
    await using both = await twoInstances(makeHarness);
    const { one, generation } = both;
    const lease = token();
    await one.acquire('a', generation, lease, 20);
    await until(async () => (await one.read('a', generation)).kind === 'none', { what: 'the end of the lease' });
    const expected = { kind: 'lease', token: lease } as const;
    const late = { id: 'a', generation, expected, token: token(), body: 'old', age: 0, keepFor: LONG };
    equal(await one.fill(late), false);
    deepEqual(await one.read('a', generation), { kind: 'none' });
  });

  test('a refresh replaces the value it saw, and not another', async () => {
    await using both = await twoInstances(makeHarness);
    const { one, two, generation } = both;
    const seen = await both.put('a', 'v0');
    const refresh = { id: 'a', generation, age: 0, keepFor: LONG };
    const wrongKind = { kind: 'lease', token: seen } as const;
    equal(await one.fill({ ...refresh, expected: wrongKind, token: token(), body: 'x' }), false);
    const expected = { kind: 'value', token: seen } as const;
    equal(await one.fill({ ...refresh, expected, token: token(), body: 'v1' }), true);
    equal(await two.fill({ ...refresh, expected, token: token(), body: 'v0 again' }), false);
    equal(await bodyOf(two, 'a', generation), 'v1');
  });

  test('a fill gives the claim back whether it stored or was refused, and only its own', async () => {
    await using both = await twoInstances(makeHarness);
    const { one, two, generation } = both;
    const seen = await both.put('a', 'v0');
    const refresh = { id: 'a', generation, body: 'v1', age: 0, keepFor: LONG } as const;
    for (const stored of [true, false]) {
      const claim = token();
      equal(await one.claimRefresh('a', generation, claim, LONG), 'granted');
      const expected = { kind: 'value', token: seen } as const;
      equal(await one.fill({ ...refresh, expected, claim, token: token() }), stored);
      const next = token();
      equal(await two.claimRefresh('a', generation, next, LONG), 'granted');
      await one.fill({ ...refresh, expected, claim, token: token() });
      equal(await one.claimRefresh('a', generation, token(), LONG), 'taken');
      await two.releaseRefresh('a', generation, next);
    }
  });

  test('a value goes at its time, or stays for ever', async () => {
    await using both = await twoInstances(makeHarness);
    const { one, generation } = both;
    await both.put('short', 'v', 30);
    await both.put('long', 'v', Infinity);
    equal(await one.remaining('long', generation), Infinity);
    await until(async () => (await one.read('short', generation)).kind === 'none', { what: 'the end of the value' });
    equal(await one.remaining('short', generation), undefined);
  });

  test('bodies come back as they are', async () => {
    await using both = await twoInstances(makeHarness);
    const { two, generation } = both;
    const texts = ['', '0', 'null', '\n\u0000"\\', 'Grüße, 世界 🧊', 'x'.repeat(2 ** 20), '🧊'.repeat(2 ** 18)];
    for (const [index, text] of texts.entries()) {
      await both.put(`text-${index}`, text);
      equal(await bodyOf(two, `text-${index}`, generation), text);
    }
    const bytes = Uint8Array.from({ length: 256 }, (_, index) => index);
    const lease = token();
    await two.acquire('bytes', generation, lease, LONG);
    const expected = { kind: 'lease', token: lease } as const;
    await two.fill({
      id: 'bytes',
      generation,
      expected,
      token: token(),
      body: bytes.subarray(1),
      age: 0,
      keepFor: LONG,
    });
    const record = await both.one.read('bytes', generation);
    if (record.kind !== 'value' || typeof record.value.body === 'string') throw new Error('not bytes');
    deepEqual([...record.value.body], [...bytes.subarray(1)]);
  });

  test('ids that look alike are kept apart', async () => {
    await using both = await twoInstances(makeHarness);
    const ids = [
      'a:b:c',
      '\u0001a\u0001b:c',
      '\u0001a:b\u0001c',
      '\u0001a\u0001b',
      '{a}',
      '}a{',
      'a b',
      'ä',
      'a\u0308',
      '*',
    ];
    for (const id of ids) await both.put(id, id);
    for (const id of ids) equal(await bodyOf(both.two, id, both.generation), id);
    for (const id of ids) deepEqual(await both.two.read(id, 'another'), { kind: 'none' });
  });

  test(
    {
      name: 'bytes that are no record read as a value that can be replaced, and only while they are there',
      needs: 'damage',
    },
    async () => {
      await using both = await twoInstances(makeHarness);
      const { one, two, session, generation } = both;
      await both.server.damage('a', generation);
      const found = await one.acquire('a', generation, token(), LONG);
      if (found.kind !== 'value') throw new Error(`found a ${found.kind}`);
      contains(found.value, { storedAt: 0, expiredAt: 0, body: '' });
      const expected = { kind: 'value', token: found.value.token } as const;
      const repair = { id: 'a', generation, expected, token: token(), body: 'v', age: 0, keepFor: LONG };
      equal(await one.fill(repair), true);
      equal(await bodyOf(two, 'a', generation), 'v');
      equal(await one.fill(repair), false);

      await both.server.damage('b', generation);
      await two.invalidate(orderOf(['b']), session);
      equal(await one.fill({ ...repair, id: 'b' }), false);
      await both.server.damage('b', generation);
      await two.invalidate(orderOf(['b'], [], 'expire'), session);
      deepEqual(await one.read('b', generation), { kind: 'none' });
    },
  );
}
