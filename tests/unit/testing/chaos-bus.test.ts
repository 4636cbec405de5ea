import { describe, expect, test } from 'bun:test';
import type { Bus, BusListener } from '../../../src/core/ports/bus.ts';
import { CACHE } from '../../../src/testing/contracts/harness.ts';
import { ChaosBus, TestClock } from '../../../src/testing/index.ts';

/** A bus by which the test itself sends. */
function started() {
  const clock = new TestClock();
  let below: BusListener | undefined;
  const given: Bus = {
    start(_instance, listener) {
      below = listener;
    },
    reset() {},
    async close() {},
  };
  const bus = new ChaosBus(given, { clock });
  const heard: (string | number)[] = [];
  bus.start(
    'i',
    {
      onSubscribed: () => heard.push('subscribed'),
      onMessage: ({ sequence }) => heard.push(sequence),
      onMalformed: () => heard.push('malformed'),
      onUnsubscribed: () => heard.push('unsubscribed'),
    },
    CACHE,
  );
  below?.onSubscribed();
  heard.length = 0;
  const send = (...sequences: number[]): void => {
    for (const sequence of sequences) below?.onMessage({ kind: 'heartbeat', epoch: 'e', sequence, nonce: '' });
  };
  const invalidate = (sequence: number): void =>
    below?.onMessage({
      kind: 'invalidation',
      epoch: 'e',
      sequence,
      origin: 'o',
      mode: 'delete',
      targets: { ids: [], tags: [] },
    });
  return { clock, bus, heard, send, invalidate, below: () => below };
}

describe('a bus with faults', () => {
  test('loses messages without a sign, of one kind if told so', () => {
    const { bus, heard, send, invalidate } = started();
    bus.lose({ only: 'invalidation', times: 1 });
    send(1);
    invalidate(2);
    invalidate(3);
    expect(heard).toEqual([1, 3]);
  });

  test('repeats messages', async () => {
    const { clock, bus, heard, send } = started();
    bus.duplicate({ times: 1 });
    send(1, 2);
    expect(heard).toEqual([1, 2]);
    await clock.advance(1);
    expect(heard).toEqual([1, 2, 1]);
  });

  test('holds messages back, and lets them go in their order', () => {
    const { bus, heard, send, invalidate } = started();
    const held = bus.hold({ only: 'invalidation' });
    invalidate(1);
    send(2);
    invalidate(3);
    expect(heard).toEqual([2]);
    held.lift();
    send(4);
    expect(heard).toEqual([2, 1, 3, 4]);
  });

  test('lets them change places', () => {
    const { bus, heard, send } = started();
    const fault = bus.reorder();
    send(1, 2, 3);
    expect(heard).toEqual([2, 1]);
    fault.lift();
    send(4);
    expect(heard).toEqual([2, 1, 3, 4]);
  });

  test('delays them, and one fault comes after the other', async () => {
    const { clock, bus, heard, send } = started();
    bus.delay('10ms', { lasts: '1m' });
    bus.duplicate();
    send(1);
    await clock.advance(9);
    expect(heard).toEqual([]);
    await clock.advance(2);
    expect(heard).toEqual([1, 1]);
  });

  test('can be cut: what was on its way, and what comes meanwhile, is lost', async () => {
    const { clock, bus, heard, send } = started();
    bus.delay(10);
    bus.hold({ times: 1 });
    send(1, 2);
    bus.disconnect();
    send(3);
    bus.heal();
    await clock.advance(20);
    expect(heard).toEqual(['unsubscribed', 'subscribed']);
    send(4);
    expect(heard).toEqual(['unsubscribed', 'subscribed', 4]);
  });

  test('comes back from a cut when the bus below it does', () => {
    const { bus, heard, below } = started();
    bus.disconnect();
    below()?.onUnsubscribed(undefined);
    bus.reconnect();
    expect(heard).toEqual(['unsubscribed']);
    below()?.onSubscribed();
    expect(heard).toEqual(['unsubscribed', 'subscribed']);
  });
});
