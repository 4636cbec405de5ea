import { expect, test } from 'bun:test';
import type { BusListener } from '../../../../src/core/ports/bus.ts';
import { overriding } from '../../../../src/testing/chaos/overriding.ts';
import { Fleet } from '../../../support/core-fixture.ts';

/** A fleet of one whose bus can be spoken on, and the last number and epoch of its server. */
function overheard() {
  const listeners: BusListener[] = [];
  const fleet = new Fleet({
    weakening: {
      bus: (bus) =>
        overriding(bus, {
          start: (instance, listener, cache) => {
            listeners.push(listener);
            bus.start(instance, listener, cache);
          },
        }),
    },
  });
  const [listener] = listeners;
  if (listener === undefined) throw new Error('The bus was not started');
  const typesSince = (): string[] =>
    fleet
      .member()
      .events.splice(0)
      .map(({ type }) => type);
  typesSince();
  return { fleet, listener, typesSince };
}

const UNSIGNED = 'its MAC is wrong or missing';

test('a message that cannot be believed is a gap: L1 is cleared, and an operator is told once', () => {
  const { fleet, listener, typesSince } = overheard();
  fleet.settle(fleet.cache().getOrSet('k', () => 1));
  typesSince();
  for (let time = 0; time < 10; time += 1) {
    listener.onMalformed(UNSIGNED, true);
    fleet.run(5);
  }
  expect(fleet.cache().peek('k')).toBeUndefined();
  expect(fleet.cache().stats().bus).toMatchObject({ gaps: 10, malformed: 10 });
  const types = typesSince();
  expect(types.filter((type) => type === 'alarm')).toHaveLength(1);
  expect(types.filter((type) => type === 'bus_resync')).toHaveLength(1);
});

test('an alarm of such messages comes again when there was none for a minute', () => {
  const { fleet, listener, typesSince } = overheard();
  for (const pauseMs of [30_000, 30_000, 61_000, 0]) {
    listener.onMalformed(UNSIGNED, true);
    fleet.run(pauseMs);
  }
  expect(typesSince().filter((type) => type === 'alarm')).toHaveLength(2);
});

test('a flood of what says nothing is told of once, and a few such messages are not', () => {
  const { fleet, listener, typesSince } = overheard();
  for (let time = 0; time < 40; time += 1) listener.onMalformed('it is not JSON');
  fleet.run(1_000);
  expect(typesSince()).not.toContain('alarm');
  for (let time = 0; time < 400; time += 1) {
    listener.onMalformed('it is not JSON');
    fleet.run(5);
  }
  expect(typesSince().filter((type) => type === 'alarm')).toHaveLength(1);
  expect(fleet.cache().health().l1.healthy).toBe(true);
});

test('L1 is suspended by a second gap, and answers again within a quarter of a second after the last', () => {
  const { fleet, listener } = overheard();
  for (let time = 0; time < 50; time += 1) {
    listener.onMalformed(UNSIGNED, true);
    fleet.run(5);
  }
  expect(fleet.cache().health().l1.healthy).toBe(false);
  fleet.run(250);
  fleet.settle(fleet.cache().getOrSet('k', () => 1));
  expect(fleet.cache().health().l1.healthy).toBe(true);
  expect(fleet.cache().peek<number>('k')).toBe(1);
});

test('of patterns beyond ten in 100 ms the keys and tags are ended, and L1 is cleared instead of searched', () => {
  const { fleet, listener, typesSince } = overheard();
  const { cache } = fleet.member();
  fleet.settle(cache.getOrSet('first', () => 1));
  const beat = fleet.settle(fleet.member().tier.heartbeat('nobody', 'n'));
  typesSince();
  for (let time = 1; time <= 11; time += 1) {
    expect(cache.peek<number>('first')).toBe(1);
    listener.onMessage({
      kind: 'invalidation',
      epoch: beat.epoch,
      sequence: beat.sequence + time,
      origin: 'nobody',
      mode: 'delete',
      targets: { ids: ['named'], tags: [], pattern: { namespace: '', glob: `none ${time}` } },
    });
  }
  expect(cache.peek('first')).toBeUndefined();
  expect(typesSince().filter((type) => type === 'bus_resync')).toHaveLength(1);
});
