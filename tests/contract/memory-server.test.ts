import { describe, expect, test } from 'bun:test';
import { MemoryServer } from '../../src/adapters/memory/index.ts';
import type { Clock } from '../../src/core/primitives/clock.ts';
import { connect, LONG, orderOf, subscribe, token } from '../../src/testing/contracts/harness.ts';

/** A clock that stands still until it is told. */
function heldClock(): Clock & { advance(ms: number): void } {
  let now = 0;
  return {
    now: () => now,
    wall: () => now,
    after: () => () => undefined,
    advance: (ms) => {
      now += ms;
    },
  };
}

async function agreed(server: MemoryServer) {
  const connected = await connect(server.remoteTier());
  const { epoch } = await connected.tier.heartbeat('one', token());
  const { generation } = await connected.tier.agreeGeneration(epoch, token());
  return { ...connected, generation, session: { epoch, generation } };
}

describe('what a simulator needs of the memory server', () => {
  test('its time is the clock it was given', async () => {
    const clock = heldClock();
    const server = new MemoryServer({ clock, timeOrigin: 1_000_000 });
    const { tier, generation } = await agreed(server);
    expect(await tier.acquire('a', generation, token(), 100)).toEqual({ kind: 'none' });
    clock.advance(99);
    expect(await tier.remaining('a', generation)).toBe(1);
    clock.advance(1);
    expect(await tier.read('a', generation)).toEqual({ kind: 'none' });
    expect((await tier.heartbeat('one', token())).time).toBe(1_000_100);
  });

  test('no number comes twice in one epoch, even if the clock stands still over a flush', async () => {
    const server = new MemoryServer({ clock: heldClock() });
    const { tier, session } = await agreed(server);
    const before = await tier.invalidate(orderOf(['a']), session);
    server.flush();
    const after = await tier.heartbeat('one', token());
    if (before.kind !== 'done') throw new Error(before.kind);
    expect(after.sequence).toBeGreaterThan(before.sequence);
    expect(after.generation).toBeUndefined();
  });

  test('the scheduler decides when a request takes effect and when it is answered', async () => {
    const held: { what: string; run(): void }[] = [];
    let hold = false;
    const server = new MemoryServer({
      schedule: (what, act) =>
        hold
          ? new Promise((resolve) => held.push({ what, run: () => resolve(act()) }))
          : new Promise((resolve) => resolve(act())),
    });
    const { tier, generation } = await agreed(server);
    hold = true;
    const [mine, yours] = [token(), token()];
    const first = tier.acquire('a', generation, mine, LONG);
    const second = tier.acquire('a', generation, yours, LONG);
    expect(held.map(({ what }) => what)).toEqual([`${tier.name} acquire a`, `${tier.name} acquire a`]);
    held[1]?.run();
    held[0]?.run();
    expect(await second).toEqual({ kind: 'none' });
    expect(await first).toEqual({ kind: 'lease', token: yours });
  });

  test('a cut connection fails what is under way; a request on its way may still take effect', async () => {
    const held: (() => void)[] = [];
    let hold = false;
    const server = new MemoryServer({
      schedule: (_what, act) => new Promise((resolve) => (hold ? held.push(() => resolve(act())) : resolve(act()))),
    });
    const { tier, events, generation } = await agreed(server);
    const { tier: other } = await connect(server.remoteTier());
    hold = true;
    const mine = token();
    const call = tier.acquire('a', generation, mine, LONG);
    tier.disconnect();
    expect(events).toEqual(['connected', 'disconnected']);
    expect((await call.catch((error) => error)).failure).toBe('unavailable');
    hold = false;
    for (const run of held) run();
    expect(await other.read('a', generation)).toEqual({ kind: 'lease', token: mine });
    tier.reset();
    await other.heartbeat('other', token());
    expect(tier.connected).toBe(false);
    tier.reconnect();
    await other.heartbeat('other', token());
    expect(tier.connected).toBe(true);
  });

  test('what was sent to one run never reaches another', async () => {
    const held: (() => void)[] = [];
    let hold = false;
    const server = new MemoryServer({
      schedule: (_what, act) =>
        new Promise((resolve, reject) => {
          const run = () => {
            try {
              resolve(act());
            } catch (error) {
              reject(error);
            }
          };
          if (hold) held.push(run);
          else run();
        }),
    });
    const { tier, generation } = await agreed(server);
    hold = true;
    const call = tier.acquire('a', generation, token(), LONG);
    server.restart({ keepData: true });
    expect((await call.catch((error) => error)).failure).toBe('unavailable');
    for (const run of held.splice(0)) run();
    hold = false;
    expect(await tier.read('a', generation)).toEqual({ kind: 'none' });
  });

  test('a restart that keeps its data brings back values, leases and the old counter under a new epoch', async () => {
    const server = new MemoryServer({ clock: heldClock() });
    const { tier, generation, session } = await agreed(server);
    const lease = token();
    await tier.acquire('a', generation, lease, LONG);
    const { epoch, sequence } = await tier.heartbeat('one', token());
    server.stop();
    expect(tier.connected).toBe(false);
    server.restart({ keepData: true });
    await Promise.resolve();
    const after = await tier.heartbeat('one', token());
    expect(after).toMatchObject({ sequence, generation: undefined });
    expect(after.epoch).not.toBe(epoch);
    expect(await tier.read('a', generation)).toEqual({ kind: 'lease', token: lease });
    expect(await tier.invalidate(orderOf(['a']), session)).toEqual({ kind: 'session-mismatch' });
  });

  test('a restart from an earlier moment undoes what came after it, the numbers included', async () => {
    const server = new MemoryServer({ clock: heldClock() });
    const { tier, generation, session } = await agreed(server);
    await tier.acquire('a', generation, token(), LONG);
    const { sequence } = await tier.heartbeat('one', token());
    const before = server.snapshot();
    await tier.invalidate(orderOf(['a']), session);
    await tier.acquire('b', generation, token(), LONG);
    server.restart({ from: before });
    await Promise.resolve();
    expect(await tier.heartbeat('one', token())).toMatchObject({ sequence, generation: undefined });
    expect((await tier.read('a', generation)).kind).toBe('lease');
    expect((await tier.read('b', generation)).kind).toBe('none');
  });

  test('an isolated server answers reads and refuses writes, while the others go on with the promoted one', async () => {
    const server = new MemoryServer({ clock: heldClock() });
    const { tier: minority, generation, session } = await agreed(server);
    const { tier: majority } = await connect(server.remoteTier('majority'));
    const { messages } = await subscribe(server.bus('listener'), 'one');
    await minority.acquire('a', generation, token(), LONG);
    server.isolate((name) => name === minority.name);
    expect([minority.connected, majority.connected]).toEqual([true, false]);
    expect((await minority.invalidate(orderOf(['b']), session)).kind).toBe('done');
    server.refuseIsolatedWrites();
    const refused = [
      minority.heartbeat('one', token()),
      minority.acquire('a', generation, token(), LONG),
      minority.invalidate(orderOf(['a']), session),
    ];
    for (const call of refused) expect((await call.catch((error) => error)).failure).toBe('unavailable');
    expect((await minority.read('a', generation)).kind).toBe('lease');
    server.restart({ keepData: true });
    await Promise.resolve();
    const { epoch } = await majority.heartbeat('two', token());
    expect(epoch).not.toBe(session.epoch);
    server.rejoin();
    await Promise.resolve();
    expect((await minority.heartbeat('one', token())).epoch).toBe(epoch);
    // What was published on the isolated server reached nobody who had lost it.
    expect(messages.filter(({ kind }) => kind === 'invalidation')).toEqual([]);
  });

  test('an eviction takes any one thing, internal records included', async () => {
    const server = new MemoryServer();
    const { tier, generation } = await agreed(server);
    await tier.acquire('a', generation, token(), LONG);
    await tier.tagGenerations(['t'], generation, LONG);
    expect(server.names().map((name) => name.split(' ')[0])).toEqual([
      'counter',
      'record',
      'tag',
      'generation',
      'note',
      'note',
    ]);
    for (const name of server.names()) server.evict(name);
    expect(server.names()).toEqual([]);
    expect(await tier.read('a', generation)).toEqual({ kind: 'none' });
    expect((await tier.heartbeat('one', token())).generation).toBeUndefined();
  });

  test('messages keep their order however their deliveries are run, and can be lost without a sign', async () => {
    const deliveries: { run(): void; connection: string }[] = [];
    let hold = false;
    const server = new MemoryServer({
      deliver: (run, connection) => (hold ? void deliveries.push({ run, connection }) : queueMicrotask(run)),
    });
    const { tier, session } = await agreed(server);
    const bus = server.bus('listener');
    const { messages, events } = await subscribe(bus, 'one');
    hold = true;
    const orders = ['a', 'b', 'c'].map((id) => tier.invalidate(orderOf([id]), session));
    await Promise.all(orders);
    expect(deliveries.map(({ connection }) => connection)).toEqual(['listener', 'listener', 'listener']);
    for (const { run } of deliveries.splice(0).reverse()) run();
    expect(messages.map((message) => message.kind === 'invalidation' && message.targets.ids[0])).toEqual([
      'a',
      'b',
      'c',
    ]);

    await tier.invalidate(orderOf(['d']), session);
    expect(bus.loseUndelivered()).toBe(1);
    for (const { run } of deliveries.splice(0)) run();
    await tier.invalidate(orderOf(['e']), session);
    for (const { run } of deliveries.splice(0)) run();
    const numbers = messages.map((message) => message.sequence);
    expect(numbers.at(-1)).toBe((numbers.at(-2) ?? 0) + 2);
    expect(events).toEqual(['subscribed']);
  });

  test('a cut subscription loses what was on its way', async () => {
    const server = new MemoryServer();
    const { tier, session } = await agreed(server);
    const bus = server.bus();
    const { messages, events } = await subscribe(bus, 'one');
    const sent = tier.invalidate(orderOf(['a']), session);
    bus.disconnect();
    await sent;
    bus.reconnect();
    await tier.heartbeat('other', token());
    expect(bus.subscribed).toBe(true);
    expect(events).toEqual(['subscribed', 'unsubscribed', 'subscribed']);
    expect(messages).toEqual([]);
  });
});
