import { deepEqual, equal } from 'node:assert/strict';
import { until } from '../until.ts';
import { contains } from './checks.ts';
import { type AddTest, type ContractOptions, type ContractTest, contractOf } from './contract.ts';
import {
  CACHE,
  completing,
  connect,
  type MakeHarness,
  type MakeServer,
  orderOf,
  subscribe,
  token,
  twoInstances,
} from './harness.ts';

/**
 * Makes the tests that every bus must pass. The contract of L2 checks the contents of messages.
 * @param make As for {@link remoteTierContract}.
 * @example
 * ```ts
 * import { test } from 'node:test';
 * import { busContract, type MakeServer } from 'tiercel/testing';
 *
 * export function testBus(makeServer: MakeServer): void {
 *   for (const { name, run } of busContract(makeServer)) test(name, run);
 * }
 * ```
 */
export function busContract(make: MakeServer, options?: ContractOptions): ContractTest[] {
  const makeHarness = completing(make);
  return contractOf({ '': (test) => define(test, makeHarness) }, options);
}

function define(test: AddTest, makeHarness: MakeHarness): void {
  test('everything published after the acknowledgement arrives at every subscriber, in one order', async () => {
    await using both = await twoInstances(makeHarness);
    const { one, two, session, server } = both;
    const other = await subscribe(server.bus(), 'other');
    const ids = Array.from({ length: 100 }, (_, index) => `k${index}`);
    await Promise.all(ids.map((id, index) => (index % 3 ? one : two).invalidate(orderOf([id]), session)));
    await until(() => other.messages.length === ids.length, { what: 'all messages' });
    deepEqual(other.messages, await both.invalidations());
    await other.bus.close();
  });

  test('a heartbeat takes its place in the stream of invalidations', async () => {
    await using both = await twoInstances(makeHarness);
    const { one, session, watcher } = both;
    await Promise.all([
      one.invalidate(orderOf(['a']), session),
      one.heartbeat('watcher', 'between'),
      one.invalidate(orderOf(['b']), session),
    ]);
    await until(() => watcher.messages.length === 3, { what: 'all three' });
    const [first, echo, second] = watcher.messages;
    deepEqual(
      watcher.messages.map((message) => message.kind),
      ['invalidation', 'heartbeat', 'invalidation'],
    );
    equal(echo?.sequence, first?.sequence ?? 0);
    equal(second?.sequence, (first?.sequence ?? 0) + 1);
  });

  test('a reset subscription is gone at once, misses what is published meanwhile, and comes back', async () => {
    await using both = await twoInstances(makeHarness);
    const { one, session, watcher } = both;
    watcher.bus.reset();
    deepEqual(watcher.events, ['subscribed', 'unsubscribed']);
    await until(() => watcher.events.length === 3, { what: 'the new subscription' });
    deepEqual(watcher.events, ['subscribed', 'unsubscribed', 'subscribed']);
    const done = await one.invalidate(orderOf(['after']), session);
    if (done.kind !== 'done') throw new Error(done.kind);
    deepEqual(
      (await both.invalidations()).map((message) => message.sequence),
      [done.sequence],
    );
  });

  test({ name: 'reports a restart of the server, and subscribes again', needs: 'restart' }, async () => {
    await using server = await makeHarness();
    const { tier, events } = await connect(server.tier());
    const subscriber = await subscribe(server.bus(), 'one');
    await server.restart({ keepData: false });
    const isBack = () => events.length === 3 && subscriber.events.length === 3;
    await until(isBack, { what: 'both connections to the new run' });
    deepEqual(subscriber.events, ['subscribed', 'unsubscribed', 'subscribed']);
    const { epoch, sequence } = await tier.heartbeat('one', 'again');
    await until(() => subscriber.messages.length > 0, { what: 'the echo' });
    deepEqual(subscriber.messages, [{ kind: 'heartbeat', epoch, sequence, nonce: 'again' }]);
    await Promise.all([tier.close(), subscriber.bus.close()]);
  });

  test('reports nothing after close', async () => {
    await using server = await makeHarness();
    const { tier } = await connect(server.tier());
    const closed = await subscribe(server.bus(), 'closed');
    const open = await subscribe(server.bus(), 'open');
    await closed.bus.close();
    await tier.heartbeat('closed', token());
    await tier.heartbeat('open', token());
    await until(() => open.messages.length > 0, { what: 'the later message' });
    contains(closed, { messages: [], events: ['subscribed'] });
    await Promise.all([tier.close(), open.bus.close()]);
  });

  test('closes without an error before it is connected', async () => {
    await using server = await makeHarness();
    const bus = server.bus();
    const events: string[] = [];
    bus.start(
      'one',
      {
        onSubscribed: () => events.push('subscribed'),
        onMessage: () => events.push('message'),
        onMalformed: (reason) => events.push(reason),
        onUnsubscribed: () => events.push('unsubscribed'),
      },
      CACHE,
    );
    await bus.close();
    deepEqual(events, []);
  });
}
