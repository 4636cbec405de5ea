import { deepEqual, equal, match, notEqual, rejects } from 'node:assert/strict';
import { until } from '../../until.ts';
import { contains, isAtLeast } from '../checks.ts';
import type { AddTest } from '../contract.ts';
import { connect, LONG, type MakeHarness, orderOf, subscribe, token, twoInstances } from '../harness.ts';

/** Checks connections, heartbeats, epochs and generations. */
export function sessionContract(test: AddTest, makeHarness: MakeHarness): void {
  test('a call before the connection, or after close, is refused at once', async () => {
    await using server = await makeHarness();
    const tier = server.tier();
    const refusal = { name: 'RemoteError', failure: 'unavailable' };
    await rejects(tier.read('a', 'g'), refusal);
    await connect(tier);
    await tier.close();
    await rejects(tier.read('a', 'g'), refusal);
  });

  test('a reset connection is lost at once and comes back', async () => {
    await using server = await makeHarness();
    const { tier, events } = await connect(server.tier());
    const before = await tier.heartbeat('one', token());
    tier.reset();
    deepEqual(events, ['connected', 'disconnected']);
    equal((await tier.read('a', 'g').catch((error) => error)).failure, 'unavailable');
    await until(() => events.length === 3, { what: 'the new connection' });
    deepEqual(events, ['connected', 'disconnected', 'connected']);
    const after = await tier.heartbeat('one', token());
    contains(after, { epoch: before.epoch, sequence: before.sequence });
    await tier.close();
  });

  test('a heartbeat tells epoch, number, time and generation', async () => {
    await using both = await twoInstances(makeHarness);
    const { one, two, session } = both;
    const first = await one.heartbeat('one', token());
    const second = await two.heartbeat('two', token());
    match(first.epoch, /^[0-9a-f]{16}$/);
    equal(first.generation, session.generation);
    contains(second, { epoch: first.epoch, sequence: first.sequence, generation: session.generation });
    isAtLeast(second.time, first.time);
    equal(Number.isSafeInteger(first.sequence), true);
  });

  test('a heartbeat comes back on the bus of its own instance alone, with its nonce and number', async () => {
    await using server = await makeHarness();
    const { tier } = await connect(server.tier());
    const mine = await subscribe(server.bus(), 'mine');
    const other = await subscribe(server.bus(), 'other');
    const { epoch, sequence } = await tier.heartbeat('mine', 'nonce "1"');
    await tier.heartbeat('other', 'nonce 2');
    await until(() => mine.messages.length > 0 && other.messages.length > 0, { what: 'both echoes' });
    deepEqual(mine.messages, [{ kind: 'heartbeat', epoch, sequence, nonce: 'nonce "1"' }]);
    deepEqual(other.messages, [{ kind: 'heartbeat', epoch, sequence, nonce: 'nonce 2' }]);
    await Promise.all([tier.close(), mine.bus.close(), other.bus.close()]);
  });

  test('one generation is agreed, whichever instance proposes it', async () => {
    await using server = await makeHarness();
    const { tier: one } = await connect(server.tier());
    const { tier: two } = await connect(server.tier());
    const { epoch, generation } = await one.heartbeat('one', token());
    equal(generation, undefined);
    const [first, second] = await Promise.all([one.agreeGeneration(epoch, 'g1'), two.agreeGeneration(epoch, 'g2')]);
    deepEqual(first, second);
    deepEqual(await one.agreeGeneration(epoch, 'g3'), first);
    contains(await two.heartbeat('two', token()), first);
    await Promise.all([one.close(), two.close()]);
  });

  test('another epoch or generation, or none agreed, does nothing and says so', async () => {
    await using both = await twoInstances(makeHarness);
    const { one, two, session, generation } = both;
    await both.put('a', 'v0');
    const { sequence } = await one.heartbeat('one', token());
    const write = { id: 'a', origin: 'one', token: token(), body: 'v1', keepFor: LONG } as const;
    const strangers = [
      { epoch: '0123456789abcdef', generation },
      { epoch: session.epoch, generation: 'another' },
      { epoch: session.epoch, generation: '' },
    ];
    for (const stranger of strangers) {
      deepEqual(await one.invalidate(orderOf(['a'], ['t']), stranger), { kind: 'session-mismatch' });
      deepEqual(await two.write({ ...write, session: stranger }), { kind: 'session-mismatch' });
    }
    deepEqual(await both.invalidations(), []);
    equal((await one.heartbeat('one', token())).sequence, sequence);
    contains(await two.read('a', generation), { kind: 'value' });
  });

  for (const keepData of [true, false]) {
    test(
      { name: `a restart (data kept: ${keepData}) is another epoch without a generation`, needs: 'restart' },
      async () => {
        await using both = await twoInstances(makeHarness);
        const { one, two, server, session, generation } = both;
        const { tier, events } = await connect(server.tier());
        await both.put('a', 'v0');
        const before = await one.heartbeat('one', token());
        await server.restart({ keepData });
        await until(() => events.filter((event) => event === 'connected').length === 2, { what: 'the new run' });
        equal(events[1], 'disconnected');
        const after = await until(() => one.heartbeat('one', token()), { what: 'the first instance' });
        await until(() => two.heartbeat('two', token()), { what: 'the second instance' });
        notEqual(after.epoch, before.epoch);
        equal(after.generation, undefined);
        equal(after.sequence === before.sequence, keepData);

        // The record of the old generation may be back with the data. It belongs to another epoch, so it counts for
        // nothing.
        const refused = { kind: 'session-mismatch' } as const;
        const write = { id: 'a', origin: 'one', token: token(), body: 'v1', keepFor: LONG };
        for (const stranger of [session, { epoch: after.epoch, generation }]) {
          deepEqual(await tier.invalidate(orderOf(['a']), stranger), refused);
          deepEqual(await tier.write({ ...write, session: stranger }), refused);
        }
        equal((await tier.read('a', generation)).kind, keepData ? 'value' : 'none');

        const { generation: again } = await tier.agreeGeneration(after.epoch, generation);
        const agreed = { epoch: after.epoch, generation: again };
        equal((await tier.invalidate(orderOf(['a']), agreed)).kind, 'done');
        deepEqual(await two.read('a', generation), { kind: 'none' });
        await tier.close();
      },
    );
  }
}
