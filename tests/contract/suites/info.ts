import { expect, test } from 'bun:test';
import { type MakeHarness, twoInstances } from './harness.ts';

/** What a server says of itself. */
export function infoContract(makeHarness: MakeHarness): void {
  test('tells of its keys and memory as they are', async () => {
    await using both = await twoInstances(makeHarness);
    const before = await both.one.info();
    for (let index = 0; index < 20; index++) await both.put(`k${index}`, 'v'.repeat(10_000));
    const after = await both.two.info();
    expect(before.version).not.toBe('');
    expect(after.uptimeMs).toBeGreaterThanOrEqual(before.uptimeMs);
    expect(after.keys).toBeGreaterThan(before.keys);
    expect(after.memory.usedBytes).toBeGreaterThan(before.memory.usedBytes + 100_000);
    expect(after.memory.peakBytes).toBeGreaterThanOrEqual(after.memory.usedBytes);
    expect(after.memory.limitBytes).toBe(Infinity);
    expect(after.clients.connected).toBeGreaterThan(0);
    expect(after.commands.evictedKeys).toBe(0);
    expect(after.persistence).toMatchObject({ lastSaveOk: true, aofEnabled: false, aofOk: true });
  });

  test('tells its limit when it is full', async () => {
    await using both = await twoInstances(makeHarness);
    await both.server.setFull(true);
    const { usedBytes, limitBytes, evictionPolicy } = (await both.one.info()).memory;
    expect(limitBytes).toBeLessThanOrEqual(usedBytes);
    expect(evictionPolicy).toBe('noeviction');
    await both.server.setFull(false);
  });

  test('is unavailable without a connection; listening for evictions asks for none', async () => {
    await using both = await twoInstances(makeHarness);
    both.one.watchEvictions(() => undefined);
    await both.one.close();
    const unavailable = expect.objectContaining({ name: 'RemoteError', failure: 'unavailable' });
    expect(await both.one.info().catch((error: unknown) => error)).toEqual(unavailable);
    both.one.watchEvictions(undefined);
  });
}
