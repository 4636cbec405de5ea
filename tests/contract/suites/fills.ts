import { expect, test } from 'bun:test';
import { until } from '../../support/wait.ts';
import { bodyOf, LONG, type MakeHarness, orderOf, token, twoInstances } from './harness.ts';

/** Storing a loaded value: only over the record that was seen before the load. */
export function fillContract(makeHarness: MakeHarness): void {
  test('a fill over my lease stores the value for everybody, stamped with the server time less its age', async () => {
    await using both = await twoInstances(makeHarness);
    const { one, two, generation } = both;
    const lease = token();
    await one.acquire('a', generation, lease, LONG);
    const { time: before } = await one.heartbeat('one', token());
    const given = token();
    const request = { id: 'a', generation, token: given, body: 'v', age: 5_000, keepFor: LONG } as const;
    expect(await one.fill({ ...request, expected: { kind: 'lease', token: lease } })).toBe(true);
    const { time: after } = await one.heartbeat('one', token());

    const record = await two.acquire('a', generation, token(), LONG);
    if (record.kind !== 'value') throw new Error(`found a ${record.kind}`);
    expect(record.value).toMatchObject({ token: given, expiredAt: 0 });
    expect(record.value.storedAt).toBeGreaterThanOrEqual(before - 5_000 - 1);
    expect(record.value.storedAt).toBeLessThanOrEqual(after - 5_000);
    expect(await bodyOf(two, 'a', generation)).toBe('v');
    expect(await two.remaining('a', generation)).toBeGreaterThan(LONG / 2);
  });

  test.each<[string, (both: Awaited<ReturnType<typeof twoInstances>>, lease: string) => Promise<unknown>]>([
    ['the lease was given back', ({ one, generation }, lease) => one.release('a', generation, lease)],
    ['the key was deleted', ({ two, session }) => two.invalidate(orderOf(['a']), session)],
    ['the key was expired', ({ two, session }) => two.invalidate(orderOf(['a'], [], 'expire'), session)],
    ['a pattern swept it', ({ two, generation }) => two.sweep(generation, '', () => true, 'delete')],
    [
      'somebody else holds the lease now',
      async ({ two, session, generation }) => {
        await two.invalidate(orderOf(['a']), session);
        await two.acquire('a', generation, token(), LONG);
      },
    ],
    [
      'somebody wrote the key',
      ({ two, session }) => two.write({ id: 'a', session, origin: 'two', token: token(), body: 'new', keepFor: LONG }),
    ],
  ])('a fill is refused when %s', async (_what, meanwhile) => {
    await using both = await twoInstances(makeHarness);
    const { one, generation } = both;
    const lease = token();
    await one.acquire('a', generation, lease, LONG);
    await meanwhile(both, lease);
    const before = await one.read('a', generation);
    const expected = { kind: 'lease', token: lease } as const;
    const late = { id: 'a', generation, expected, token: token(), body: 'old', age: 0, keepFor: LONG };
    expect(await one.fill(late)).toBe(false);
    expect(await one.read('a', generation)).toEqual(before);
  });

  test('a fill is refused when the lease has run out', async () => {
    await using both = await twoInstances(makeHarness);
    const { one, generation } = both;
    const lease = token();
    await one.acquire('a', generation, lease, 20);
    await until(async () => (await one.read('a', generation)).kind === 'none', { what: 'the end of the lease' });
    const expected = { kind: 'lease', token: lease } as const;
    const late = { id: 'a', generation, expected, token: token(), body: 'old', age: 0, keepFor: LONG };
    expect(await one.fill(late)).toBe(false);
    expect(await one.read('a', generation)).toEqual({ kind: 'none' });
  });

  test('a refresh replaces the value it saw, and not another', async () => {
    await using both = await twoInstances(makeHarness);
    const { one, two, generation } = both;
    const seen = await both.put('a', 'v0');
    const refresh = { id: 'a', generation, age: 0, keepFor: LONG };
    const wrongKind = { kind: 'lease', token: seen } as const;
    expect(await one.fill({ ...refresh, expected: wrongKind, token: token(), body: 'x' })).toBe(false);
    const expected = { kind: 'value', token: seen } as const;
    expect(await one.fill({ ...refresh, expected, token: token(), body: 'v1' })).toBe(true);
    expect(await two.fill({ ...refresh, expected, token: token(), body: 'v0 again' })).toBe(false);
    expect(await bodyOf(two, 'a', generation)).toBe('v1');
  });

  test('a fill gives the claim back whether it stored or was refused, and only its own', async () => {
    await using both = await twoInstances(makeHarness);
    const { one, two, generation } = both;
    const seen = await both.put('a', 'v0');
    const refresh = { id: 'a', generation, body: 'v1', age: 0, keepFor: LONG } as const;
    for (const stored of [true, false]) {
      const claim = token();
      expect(await one.claimRefresh('a', generation, claim, LONG)).toBe(true);
      const expected = { kind: 'value', token: seen } as const;
      expect(await one.fill({ ...refresh, expected, claim, token: token() })).toBe(stored);
      const next = token();
      expect(await two.claimRefresh('a', generation, next, LONG)).toBe(true);
      await one.fill({ ...refresh, expected, claim, token: token() });
      expect(await one.claimRefresh('a', generation, token(), LONG)).toBe(false);
      await two.releaseRefresh('a', generation, next);
    }
  });

  test('a value goes at its time, or stays for ever', async () => {
    await using both = await twoInstances(makeHarness);
    const { one, generation } = both;
    await both.put('short', 'v', 30);
    await both.put('long', 'v', Infinity);
    expect(await one.remaining('long', generation)).toBe(Infinity);
    await until(async () => (await one.read('short', generation)).kind === 'none', { what: 'the end of the value' });
    expect(await one.remaining('short', generation)).toBeUndefined();
  });

  test('bodies come back as they are', async () => {
    await using both = await twoInstances(makeHarness);
    const { two, generation } = both;
    const texts = ['', '0', 'null', '\n\u0000"\\', 'Grüße, 世界 🧊', 'x'.repeat(2 ** 20), '🧊'.repeat(2 ** 18)];
    for (const [index, text] of texts.entries()) {
      await both.put(`text-${index}`, text);
      expect(await bodyOf(two, `text-${index}`, generation)).toBe(text);
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
    expect([...record.value.body]).toEqual([...bytes.subarray(1)]);
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
    for (const id of ids) expect(await bodyOf(both.two, id, both.generation)).toBe(id);
    for (const id of ids) expect(await both.two.read(id, 'another')).toEqual({ kind: 'none' });
  });

  test('bytes that are no record read as a value that can be replaced, and only while they are there', async () => {
    await using both = await twoInstances(makeHarness);
    const { one, two, session, generation } = both;
    await both.server.damage('a', generation);
    const found = await one.acquire('a', generation, token(), LONG);
    if (found.kind !== 'value') throw new Error(`found a ${found.kind}`);
    expect(found.value).toMatchObject({ storedAt: 0, expiredAt: 0, body: '' });
    const expected = { kind: 'value', token: found.value.token } as const;
    const repair = { id: 'a', generation, expected, token: token(), body: 'v', age: 0, keepFor: LONG };
    expect(await one.fill(repair)).toBe(true);
    expect(await bodyOf(two, 'a', generation)).toBe('v');
    expect(await one.fill(repair)).toBe(false);

    await both.server.damage('b', generation);
    await two.invalidate(orderOf(['b']), session);
    expect(await one.fill({ ...repair, id: 'b' })).toBe(false);
    await both.server.damage('b', generation);
    await two.invalidate(orderOf(['b'], [], 'expire'), session);
    expect(await one.read('b', generation)).toEqual({ kind: 'none' });
  });
}
