import { expect, test } from 'bun:test';
import { until } from '../../support/wait.ts';
import { connect, LONG, type MakeHarness, orderOf, subscribe, token, twoInstances } from './harness.ts';

/** Connections, heartbeats, epochs and generations. */
export function sessionContract(makeHarness: MakeHarness): void {
  test('a call before the connection, or after close, is refused at once', async () => {
    await using server = await makeHarness();
    const tier = server.tier();
    const refusal = expect.objectContaining({ name: 'RemoteError', failure: 'unavailable' });
    expect(await tier.read('a', 'g').catch((error) => error)).toEqual(refusal);
    await connect(tier);
    await tier.close();
    expect(await tier.read('a', 'g').catch((error) => error)).toEqual(refusal);
  });

  test('a reset connection is lost at once and comes back', async () => {
    await using server = await makeHarness();
    const { tier, events } = await connect(server.tier());
    const before = await tier.heartbeat('one', token());
    tier.reset();
    expect(events).toEqual(['connected', 'disconnected']);
    expect((await tier.read('a', 'g').catch((error) => error)).failure).toBe('unavailable');
    await until(() => events.length === 3, { what: 'the new connection' });
    expect(events).toEqual(['connected', 'disconnected', 'connected']);
    const after = await tier.heartbeat('one', token());
    expect(after).toMatchObject({ epoch: before.epoch, sequence: before.sequence });
    await tier.close();
  });

  test('a heartbeat tells epoch, number, time and generation', async () => {
    await using both = await twoInstances(makeHarness);
    const { one, two, session } = both;
    const first = await one.heartbeat('one', token());
    const second = await two.heartbeat('two', token());
    expect(first.epoch).toMatch(/^[0-9a-f]{16}$/);
    expect(first.generation).toBe(session.generation);
    expect(second).toMatchObject({ epoch: first.epoch, sequence: first.sequence, generation: session.generation });
    expect(second.time).toBeGreaterThanOrEqual(first.time);
    expect(Number.isSafeInteger(first.sequence)).toBe(true);
  });

  test('a heartbeat comes back on the bus of its own instance alone, with its nonce and number', async () => {
    await using server = await makeHarness();
    const { tier } = await connect(server.tier());
    const mine = await subscribe(server.bus(), 'mine');
    const other = await subscribe(server.bus(), 'other');
    const { epoch, sequence } = await tier.heartbeat('mine', 'nonce "1"');
    await tier.heartbeat('other', 'nonce 2');
    await until(() => mine.messages.length > 0 && other.messages.length > 0, { what: 'both echoes' });
    expect(mine.messages).toEqual([{ kind: 'heartbeat', epoch, sequence, nonce: 'nonce "1"' }]);
    expect(other.messages).toEqual([{ kind: 'heartbeat', epoch, sequence, nonce: 'nonce 2' }]);
    await Promise.all([tier.close(), mine.bus.close(), other.bus.close()]);
  });

  test('one generation is agreed, whoever proposes', async () => {
    await using server = await makeHarness();
    const { tier: one } = await connect(server.tier());
    const { tier: two } = await connect(server.tier());
    const { epoch, generation } = await one.heartbeat('one', token());
    expect(generation).toBeUndefined();
    const [first, second] = await Promise.all([one.agreeGeneration(epoch, 'g1'), two.agreeGeneration(epoch, 'g2')]);
    expect(first).toBe(second);
    expect(await one.agreeGeneration(epoch, 'g3')).toBe(first);
    expect((await two.heartbeat('two', token())).generation).toBe(first);
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
      expect(await one.invalidate(orderOf(['a'], ['t']), stranger)).toEqual({ kind: 'session-mismatch' });
      expect(await two.write({ ...write, session: stranger })).toEqual({ kind: 'session-mismatch' });
    }
    expect(await both.invalidations()).toEqual([]);
    expect((await one.heartbeat('one', token())).sequence).toBe(sequence);
    expect(await two.read('a', generation)).toMatchObject({ kind: 'value' });
  });

  test.each([true, false])('a restart (data kept: %p) is another epoch without a generation', async (keepData) => {
    await using both = await twoInstances(makeHarness);
    const { one, two, server, session, generation } = both;
    const { tier, events } = await connect(server.tier());
    await both.put('a', 'v0');
    const before = await one.heartbeat('one', token());
    await server.restart({ keepData });
    await until(() => events.filter((event) => event === 'connected').length === 2, { what: 'the new run' });
    expect(events[1]).toBe('disconnected');
    const after = await until(() => one.heartbeat('one', token()), { what: 'the first instance' });
    await until(() => two.heartbeat('two', token()), { what: 'the second instance' });
    expect(after.epoch).not.toBe(before.epoch);
    expect(after.generation).toBeUndefined();
    expect(after.sequence === before.sequence).toBe(keepData);

    // The old generation's record may have come back with the data: it is of another epoch, and counts for nothing.
    const refused = { kind: 'session-mismatch' } as const;
    const write = { id: 'a', origin: 'one', token: token(), body: 'v1', keepFor: LONG };
    for (const stranger of [session, { epoch: after.epoch, generation }]) {
      expect(await tier.invalidate(orderOf(['a']), stranger)).toEqual(refused);
      expect(await tier.write({ ...write, session: stranger })).toEqual(refused);
    }
    expect((await tier.read('a', generation)).kind).toBe(keepData ? 'value' : 'none');

    const agreed = { epoch: after.epoch, generation: await tier.agreeGeneration(after.epoch, generation) };
    expect((await tier.invalidate(orderOf(['a']), agreed)).kind).toBe('done');
    expect(await two.read('a', generation)).toEqual({ kind: 'none' });
    await tier.close();
  });
}
