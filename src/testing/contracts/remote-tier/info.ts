import { equal, notEqual, rejects } from 'node:assert/strict';
import { contains, isAbove, isAtLeast, isAtMost } from '../checks.ts';
import type { AddTest } from '../contract.ts';
import { type MakeHarness, twoInstances } from '../harness.ts';

/** Checks what a tier reports of its server. */
export function infoContract(test: AddTest, makeHarness: MakeHarness): void {
  test('tells of its keys and memory as they are', async () => {
    await using both = await twoInstances(makeHarness);
    const before = await both.one.info();
    for (let index = 0; index < 20; index++) await both.put(`k${index}`, 'v'.repeat(10_000));
    const after = await both.two.info();
    notEqual(before.version, '');
    isAtLeast(after.uptimeMs, before.uptimeMs);
    isAbove(after.keys, before.keys);
    isAbove(after.memory.usedBytes, before.memory.usedBytes + 100_000);
    isAtLeast(after.memory.peakBytes, after.memory.usedBytes);
    equal(after.memory.limitBytes, Infinity);
    isAbove(after.clients.connected, 0);
    equal(after.commands.evictedKeys, 0);
    contains(after.persistence, { lastSaveOk: true, aofEnabled: false, aofOk: true });
  });

  test({ name: 'tells its limit when it is full', needs: 'setFull' }, async () => {
    await using both = await twoInstances(makeHarness);
    await both.server.setFull(true);
    const { usedBytes, limitBytes, evictionPolicy } = (await both.one.info()).memory;
    isAtMost(limitBytes, usedBytes);
    equal(evictionPolicy, 'noeviction');
    await both.server.setFull(false);
  });

  test('is unavailable without a connection; listening for evictions asks for none', async () => {
    await using both = await twoInstances(makeHarness);
    both.one.watchEvictions(() => undefined);
    await both.one.close();
    await rejects(both.one.info(), { name: 'RemoteError', failure: 'unavailable' });
    both.one.watchEvictions(undefined);
  });
}
