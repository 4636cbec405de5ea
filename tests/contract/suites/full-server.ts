import { expect, test } from 'bun:test';
import { bodyOf, LONG, type MakeHarness, orderOf, token, twoInstances } from './harness.ts';

/** At the memory limit nothing new is stored, and everything that keeps others right goes on. */
export function fullServerContract(makeHarness: MakeHarness): void {
  const full = expect.objectContaining({ name: 'RemoteError', failure: 'full' });

  test('a full server still reads, beats, invalidates, agrees and gives back', async () => {
    await using both = await twoInstances(makeHarness);
    const { one, two, session, generation } = both;
    const [lease, claim] = [token(), token()];
    await both.put('a', 'v');
    await both.put('b', 'v');
    await one.acquire('c', generation, lease, 1_000);
    await one.claimRefresh('a', generation, claim, LONG);
    const tags = await one.tagGenerations(['t'], generation, LONG);
    await both.server.setFull(true);

    expect(await two.acquire('a', generation, token(), LONG)).toMatchObject({ kind: 'value' });
    expect(await two.acquire('c', generation, token(), LONG)).toEqual({ kind: 'lease', token: lease });
    expect(await bodyOf(two, 'a', generation)).toBe('v');
    expect(await two.tagGenerations(['t'], generation, LONG)).toEqual(tags);
    expect((await two.heartbeat('two', token())).generation).toBe(generation);
    expect(await one.renew('c', generation, lease, LONG)).toBe(true);
    await one.release('c', generation, lease);
    expect(await one.read('c', generation)).toEqual({ kind: 'none' });
    await one.releaseRefresh('a', generation, claim);
    expect((await two.invalidate(orderOf(['a'], ['t']), session)).kind).toBe('done');
    expect((await two.invalidate(orderOf(['b'], ['new'], 'expire'), session)).kind).toBe('done');
    expect(await two.agreeGeneration(session.epoch, 'g', generation)).toBe('g');
    expect(await one.read('a', generation)).toEqual({ kind: 'none' });
    expect(await one.read('b', generation)).toMatchObject({ kind: 'value' });
    expect(await one.tagGenerations(['t'], generation, LONG)).not.toEqual(tags);
    expect(await one.sweep(generation, '', () => true, 'expire')).toBe(1);
    expect(await one.sweep(generation, '', () => true, 'delete')).toBe(1);
    expect(await both.invalidations()).toHaveLength(2);
    await both.server.setFull(false);
  });

  test('what it does not store is refused as full, and changes nothing', async () => {
    await using both = await twoInstances(makeHarness);
    const { one, session, generation } = both;
    const [lease, claim] = [token(), token()];
    await one.acquire('a', generation, lease, LONG);
    const seen = await both.put('b', 'v');
    await one.claimRefresh('b', generation, claim, LONG);
    await both.server.setFull(true);

    const fill = { generation, token: token(), body: 'x', age: 0, keepFor: LONG };
    const calls = [
      () => one.acquire('nothing there', generation, token(), LONG),
      () => one.fill({ ...fill, id: 'a', expected: { kind: 'lease', token: lease } }),
      () => one.fill({ ...fill, id: 'b', expected: { kind: 'value', token: seen }, claim }),
      () => one.write({ id: 'b', session, origin: 'one', token: token(), body: 'x', keepFor: LONG }),
      () => one.claimRefresh('a', generation, token(), LONG),
      () => one.tagGenerations(['new'], generation, LONG),
    ];
    for (const call of calls) expect(await call().catch((error: unknown) => error)).toEqual(full);
    expect(await one.read('nothing there', generation)).toEqual({ kind: 'none' });
    expect(await one.read('a', generation)).toEqual({ kind: 'lease', token: lease });
    expect(await bodyOf(one, 'b', generation)).toBe('v');
    expect(await both.invalidations()).toEqual([]);

    await both.server.setFull(false);
    expect(await one.fill({ ...fill, id: 'a', expected: { kind: 'lease', token: lease } })).toBe(true);
    expect(await one.claimRefresh('b', generation, token(), LONG)).toBe(false);
  });
}
