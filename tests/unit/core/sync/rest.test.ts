import { describe, expect, test } from 'bun:test';
import { overriding } from '../../../../src/testing/chaos/overriding.ts';
import { Fleet } from '../../../support/core-fixture.ts';

const MINUTE = 60_000;

describe('heartbeats', () => {
  test('go on while the cache is used', () => {
    const fleet = new Fleet();
    for (let second = 0; second < 60; second += 1) {
      fleet.run(1_000);
      fleet.settle(fleet.cache().getOrSet('k', () => 1));
      expect(fleet.cache().health().bus?.proofAgeMs).toBeLessThan(1_000);
    }
  });

  test('rest while no caller asks', () => {
    const fleet = new Fleet();
    fleet.settle(fleet.cache().getOrSet('k', () => 1));
    fleet.run(MINUTE);
    expect(fleet.cache().health().bus?.proofAgeMs).toBeGreaterThan(MINUTE / 2);
    // A rest is no suspension, and no event.
    expect(fleet.cache().health().l1.suspended).toBe(false);
    expect(fleet.member().events.map(({ type }) => type)).not.toContain('l1_suspended');
  });

  test('go on without a caller until L2, which has come back, is in use again', () => {
    const fleet = new Fleet();
    fleet.server.stop();
    fleet.run(MINUTE);
    fleet.server.restart({ keepData: true });
    fleet.run(2_000);
    expect(fleet.cache().health().l2).toMatchObject({ healthy: true, breaker: 'closed' });
    expect(fleet.member().events.filter(({ type }) => type === 'l2_up')).toHaveLength(1);
    fleet.run(MINUTE);
    expect(fleet.cache().health().bus?.proofAgeMs).toBeGreaterThan(MINUTE / 2);
  });

  test('wake with the next call, which is answered from L2 and not from what lapsed meanwhile', () => {
    const fleet = new Fleet({ instances: 2, defaults: { l1Ttl: '1h' } });
    const [writer, reader] = [fleet.cache(0), fleet.cache(1)];
    fleet.settle(reader.getOrSet('k', () => 'old'));
    fleet.run(MINUTE);
    fleet.settle(writer.set('k', 'new'));
    fleet.run(MINUTE);
    const lookup = fleet.settle(reader.lookup('k', () => 'loaded'));
    expect([lookup.value, lookup.tier]).toEqual(['new', 'l2']);
    // The beat that woke it cleared what was under way, as after any silence: only the read after it is kept.
    fleet.settle(reader.lookup('k', () => 'loaded'));
    expect(fleet.settle(reader.lookup('k', () => 'loaded')).tier).toBe('l1');
  });

  test('wake for an invalidation, which is acknowledged and not pending', () => {
    const fleet = new Fleet();
    fleet.settle(fleet.cache().getOrSet('k', () => 1));
    fleet.run(MINUTE);
    fleet.settle(fleet.cache().delete('k'));
    expect(fleet.cache().health().pending).toEqual({ keys: 0, tags: 0, patterns: 0, all: false, outbox: false });
  });

  test('wake when the connection is lost, so that no read waits for a beat that cannot come', () => {
    const fleet = new Fleet();
    fleet.settle(fleet.cache().getOrSet('k', () => 1));
    fleet.run(MINUTE);
    fleet.server.stop();
    fleet.run(2_000);
    const asked = fleet.time.now;
    expect(fleet.settle(fleet.cache().lookup('other', () => 2)).tier).toBe('source');
    expect(fleet.time.now - asked).toBeLessThan(5);
    fleet.server.restart({ keepData: false });
    fleet.run(2_000);
    expect(fleet.settle(fleet.cache().lookup('third', () => 3)).steps.l2?.stored).toBe(true);
  });

  test('ready() wakes them', () => {
    const fleet = new Fleet();
    fleet.run(MINUTE);
    const asked = fleet.time.now;
    expect(fleet.settle(fleet.cache().ready())).toBe(true);
    expect(fleet.time.now - asked).toBeLessThan(10);
  });

  test('a wake-up leaves the subscription alone', () => {
    let resets = 0;
    const fleet = new Fleet({
      weakening: {
        bus: (bus) =>
          overriding(bus, {
            reset: () => {
              resets += 1;
              bus.reset();
            },
          }),
      },
    });
    for (let wake = 0; wake < 15; wake += 1) {
      fleet.run(MINUTE);
      fleet.settle(fleet.cache().getOrSet('k', () => 1));
      fleet.run(500);
    }
    expect(resets).toBe(0);
    expect(fleet.cache().stats().bus.gaps).toBe(0);
  });
});
