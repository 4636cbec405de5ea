import { expect, test } from 'bun:test';
import type { WriteRequest } from '../../../src/core/ports.ts';
import { bodyOf, LONG, type MakeHarness, type TwoInstances, token, twoInstances } from './harness.ts';

/** `set`: storing without having loaded. */
export function writeContract(makeHarness: MakeHarness): void {
  test('stores under a new token, and names the key to everybody', async () => {
    await using both = await twoInstances(makeHarness);
    const { one, two, session, generation } = both;
    const { sequence, time } = await one.heartbeat('one', token());
    const given = token();
    const done = await one.write(writeOf(both, { token: given, body: 'v' }));
    expect(done).toEqual({ kind: 'done', sequence: sequence + 1 });
    const record = await two.read('a', generation);
    expect(record).toMatchObject({ kind: 'value', value: { token: given, expiredAt: 0 } });
    expect(record.kind === 'value' && record.value.storedAt >= time).toBe(true);
    expect(await bodyOf(two, 'a', generation)).toBe('v');
    expect(await two.remaining('a', generation)).toBeGreaterThan(LONG / 2);
    expect(await both.invalidations()).toEqual([
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
    expect(await bodyOf(both.one, 'a', both.generation)).toBe('v2');
  });

  test('an older version is refused and leaves no trace; the same and a newer one are taken', async () => {
    await using both = await twoInstances(makeHarness);
    const { one, two, generation } = both;
    const newest = Number.MAX_SAFE_INTEGER;
    await one.write(writeOf(both, { body: 'v10', version: 10 }));
    const before = await both.invalidations();
    expect(await two.write(writeOf(both, { body: 'v9', version: 9 }))).toEqual({ kind: 'older' });
    expect(await both.invalidations()).toEqual(before);
    expect(await bodyOf(one, 'a', generation)).toBe('v10');
    expect((await two.write(writeOf(both, { body: 'v10 again', version: 10 }))).kind).toBe('done');
    expect((await two.write(writeOf(both, { body: 'newest', version: newest }))).kind).toBe('done');
    expect(await two.write(writeOf(both, { body: 'v', version: newest - 1 }))).toEqual({ kind: 'older' });
    expect(await bodyOf(one, 'a', generation)).toBe('newest');
  });

  test('a refresh keeps the version of the value it replaces', async () => {
    await using both = await twoInstances(makeHarness);
    const { one, two, generation } = both;
    const seen = token();
    await one.write(writeOf(both, { token: seen, body: 'v10', version: 10 }));
    const expected = { kind: 'value', token: seen } as const;
    await one.fill({ id: 'a', generation, expected, token: token(), body: 'loaded', age: 0, keepFor: LONG });
    expect(await two.write(writeOf(both, { body: 'v9', version: 9 }))).toEqual({ kind: 'older' });
    expect(await bodyOf(two, 'a', generation)).toBe('loaded');
  });

  test('writes over whatever is there', async () => {
    await using both = await twoInstances(makeHarness);
    const { one, two, generation } = both;
    await one.acquire('a', generation, token(), LONG);
    await two.write(writeOf(both, { body: 'over a lease', version: 1 }));
    expect(await bodyOf(one, 'a', generation)).toBe('over a lease');
    await both.server.damage('a', generation);
    await two.write(writeOf(both, { body: 'over garbage', keepFor: Infinity, version: 1 }));
    expect(await bodyOf(one, 'a', generation)).toBe('over garbage');
    expect(await one.remaining('a', generation)).toBe(Infinity);
  });
}

function writeOf(both: TwoInstances, over: Partial<WriteRequest> & Pick<WriteRequest, 'body'>): WriteRequest {
  return { id: 'a', session: both.session, origin: 'one', token: token(), keepFor: LONG, ...over };
}
