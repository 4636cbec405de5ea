import { deepEqual, equal, notEqual } from 'node:assert/strict';
import type { CacheIdentity } from '../../../core/ports/cache-identity.ts';
import type { RemoteTier } from '../../../core/ports/remote-tier.ts';
import { until } from '../../until.ts';
import { contains } from '../checks.ts';
import type { AddTest } from '../contract.ts';
import { bodyOf, CACHE, connect, LONG, type MakeHarness, orderOf, sweepAll, token, twoInstances } from '../harness.ts';

/** The number of versions that one generation has places for. */
const PLACES = 8;

/** Checks caches of other versions or formats beside this one, as in a rolling deploy. */
export function shapeContract(test: AddTest, makeHarness: MakeHarness): void {
  const others = [
    { ...CACHE, version: '2' },
    { ...CACHE, version: 'feature/a b:{c},d' },
    { ...CACHE, format: CACHE.format + 1 },
  ];

  /** Starts an instance of another version, which takes its place and stores a value. */
  async function joined(
    tier: RemoteTier,
    cache: CacheIdentity,
    { id, generation }: { readonly id: string; readonly generation: string },
  ): Promise<RemoteTier> {
    await connect(tier, cache);
    contains(await tier.heartbeat('other', token()), { generation, hasPlace: true });
    equal(await put(tier, id, generation), true);
    return tier;
  }

  async function put(tier: RemoteTier, id: string, generation: string): Promise<boolean> {
    const lease = token();
    deepEqual(await tier.acquire(id, generation, lease, LONG), { kind: 'none' });
    const expected = { kind: 'lease', token: lease } as const;
    return tier.fill({ id, generation, expected, token: token(), body: 'v', age: 0, keepFor: LONG });
  }

  test('entries and claims of another version or format are out of sight', async () => {
    await using both = await twoInstances(makeHarness);
    const { one, generation, server } = both;
    await both.put('a', 'v');
    equal(await one.claimRefresh('a', generation, token(), LONG), 'granted');
    for (const cache of others) {
      const tier = await joined(server.tier(), cache, { id: 'a', generation });
      equal(await tier.claimRefresh('a', generation, token(), LONG), 'granted');
      await tier.close();
    }
    equal((await one.read('a', generation)).kind, 'value');
  });

  test('tags, numbers and the generation are those of all versions and formats', async () => {
    await using both = await twoInstances(makeHarness);
    const { one, session, generation, server } = both;
    const before = await one.tagGenerations(['t'], generation, LONG);
    for (const cache of others) {
      const { tier } = await connect(server.tier(), cache);
      const beat = await tier.heartbeat('other', token());
      equal(beat.generation, generation);
      equal(beat.sequence, (await one.heartbeat('one', token())).sequence);
      deepEqual(await tier.tagGenerations(['t'], generation, LONG), await one.tagGenerations(['t'], generation, LONG));
      equal((await tier.invalidate(orderOf([], ['t']), session)).kind, 'done');
      await tier.close();
    }
    equal((await both.invalidations()).length, others.length);
    equal((await one.tagGenerations(['t'], generation, LONG))[0]?.hard === before[0]?.hard, false);
  });

  for (const mode of ['delete', 'expire'] as const) {
    test(`an order to ${mode} a key reaches it in every version, also in one that has joined unheard`, async () => {
      await using both = await twoInstances(makeHarness);
      const { one, session, generation, server } = both;
      await both.put('a', 'v');
      // This instance sends its first order before it has learned of the other versions.
      const versions: RemoteTier[] = [one];
      for (const cache of others) versions.push(await joined(server.tier(), cache, { id: 'a', generation }));
      equal((await one.invalidate(orderOf(['a'], [], mode), session)).kind, 'done');
      for (const tier of versions) {
        const record = await tier.read('a', generation);
        equal(record.kind === 'value' ? record.value.expiredAt > 0 : record.kind === 'none', true);
        equal(record.kind, mode === 'expire' ? 'value' : 'none');
      }
      equal((await both.invalidations()).length, 1);
      await Promise.all(versions.slice(1).map((tier) => tier.close()));
    });
  }

  test('an order reaches a version that says nothing any more: its instances may come back', async () => {
    await using both = await twoInstances(makeHarness);
    const { one, two, session, generation, server } = both;
    const [cache = CACHE] = others;
    const tier = await joined(server.tier(), cache, { id: 'a', generation });
    await tier.close();
    for (let beat = 0; beat < 5; beat += 1) await two.heartbeat('two', token());
    equal((await one.invalidate(orderOf(['a']), session)).kind, 'done');
    const back = server.tier();
    await connect(back, cache);
    deepEqual(await back.read('a', generation), { kind: 'none' });
    await back.close();
  });

  test('a value that is written takes the place of those of other versions, and the greater version wins', async () => {
    await using both = await twoInstances(makeHarness);
    const { one, session, generation, server } = both;
    const [cache = CACHE] = others;
    const other = await joined(server.tier(), cache, { id: 'b', generation });
    const write = { id: 'a', session, origin: 'one', body: 'v', keepFor: LONG } as const;
    equal((await other.write({ ...write, token: token(), version: 7 })).kind, 'done');
    deepEqual(await one.write({ ...write, token: token(), version: 5 }), { kind: 'older' });
    equal(await bodyOf(other, 'a', generation), 'v');
    equal((await one.write({ ...write, token: token(), version: 8 })).kind, 'done');
    deepEqual(await other.read('a', generation), { kind: 'none' });
    equal(await bodyOf(one, 'a', generation), 'v');
    await other.close();
  });

  for (const mode of ['delete', 'expire'] as const) {
    test(`a sweep that ${mode}s covers every version`, async () => {
      await using both = await twoInstances(makeHarness);
      const { one, generation, server } = both;
      await both.put('a', 'v');
      const versions: RemoteTier[] = [];
      for (const cache of others) versions.push(await joined(server.tier(), cache, { id: 'a', generation }));
      equal(await sweepAll(one, { generation, namespace: '', matches: (id) => id === 'a', mode }), 1 + others.length);
      for (const tier of [one, ...versions]) {
        const record = await tier.read('a', generation);
        equal(record.kind === 'value' && record.value.expiredAt > 0, mode === 'expire');
      }
      await Promise.all(versions.map((tier) => tier.close()));
    });
  }

  test('a version that has no place stores nothing; a fresh generation has places again', async () => {
    await using both = await twoInstances(makeHarness);
    const { one, session, generation, server } = both;
    const versions: RemoteTier[] = [];
    for (let version = 1; version < PLACES; version += 1) {
      const cache = { ...CACHE, version: `v${version}` };
      versions.push(await joined(server.tier(), cache, { id: 'a', generation }));
    }
    const { tier: ninth } = await connect(server.tier(), { ...CACHE, version: 'one too many' });
    contains(await ninth.heartbeat('ninth', token()), { generation, hasPlace: false });
    equal(await put(ninth, 'a', generation), false);
    const write = { id: 'b', session, origin: 'ninth', token: token(), body: 'v', keepFor: LONG } as const;
    deepEqual(await ninth.write(write), { kind: 'session-mismatch' });
    // Its invalidations still reach the other versions.
    equal((await ninth.invalidate(orderOf(['a']), session)).kind, 'done');
    for (const tier of versions) deepEqual(await tier.read('a', generation), { kind: 'none' });
    contains(await ninth.agreeGeneration(session.epoch, 'fresh', generation), { generation: 'fresh' });
    contains(await ninth.heartbeat('ninth', token()), { generation: 'fresh', hasPlace: true });
    contains(await one.heartbeat('one', token()), { generation: 'fresh', hasPlace: true });
    await Promise.all([ninth, ...versions].map((tier) => tier.close()));
  });

  test({ name: 'a generation that is repaired keeps the places that it had', needs: 'restart' }, async () => {
    await using both = await twoInstances(makeHarness);
    const { one, generation, server } = both;
    const [cache = CACHE] = others;
    const other = await joined(server.tier(), cache, { id: 'a', generation });
    await joined(server.tier(), cache, { id: 'b', generation });
    await server.restart({ keepData: true });
    const after = await until(() => one.heartbeat('one', token()), { what: 'the new run' });
    await until(() => other.heartbeat('other', token()), { what: 'the other version' });
    notEqual(after.generation, generation);
    const repaired = { epoch: after.epoch, generation };
    equal((await one.invalidate(orderOf(['a']), repaired, true)).kind, 'done');
    deepEqual(await other.read('a', generation), { kind: 'none' });
    const adopted = { ...repaired, since: after.time, withinMs: LONG, mark: 1 };
    equal(await one.adoptGeneration(adopted), generation);
    equal((await one.invalidate(orderOf(['b']), repaired)).kind, 'done');
    deepEqual(await other.read('b', generation), { kind: 'none' });
    await other.close();
  });
}
