import { describe, expect, test } from 'bun:test';
import { Proof } from '../../../../src/core/state/proof.ts';
import { Fleet } from '../../../support/core-fixture.ts';

const D = 1_500;

describe('a proof', () => {
  test('holds for D from the sending of a heartbeat whose number is the last one seen', () => {
    const proof = new Proof(D);
    expect(proof.until).toBe(Number.NEGATIVE_INFINITY);
    // Nothing seen yet counts as unequal: something may have been missed before.
    expect(proof.takeHeartbeat('e', 7, 100)).toBe(false);
    expect(proof.until).toBe(1_600);
    expect(proof.takeHeartbeat('e', 7, 600)).toBe(true);
    expect([proof.until, proof.provenAt, proof.epoch, proof.seen]).toEqual([2_100, 600, 'e', 7]);
  });

  test('is not shortened by an older heartbeat that comes late', () => {
    const proof = new Proof(D);
    proof.takeHeartbeat('e', 7, 600);
    expect(proof.takeHeartbeat('e', 7, 100)).toBe(true);
    expect(proof.until).toBe(2_100);
  });

  test('goes on through invalidations that follow each other', () => {
    const proof = new Proof(D);
    proof.takeHeartbeat('e', 7, 600);
    expect(proof.takeInvalidation('e', 8)).toBe(true);
    expect(proof.takeInvalidation('e', 9)).toBe(true);
    expect(proof.until).toBe(2_100);
    expect(proof.takeHeartbeat('e', 9, 700)).toBe(true);
  });

  test('ends with a gap, a repetition, a step back or another epoch', () => {
    for (const [epoch, sequence] of [
      ['e', 9],
      ['e', 7],
      ['e', 1],
      ['f', 8],
    ] as const) {
      const proof = new Proof(D);
      proof.takeHeartbeat('e', 7, 600);
      expect(proof.takeInvalidation(epoch, sequence)).toBe(false);
      expect(proof.until).toBe(Number.NEGATIVE_INFINITY);
      // The next message is compared with this one.
      expect(proof.takeInvalidation(epoch, sequence + 1)).toBe(true);
      expect(proof.until).toBe(Number.NEGATIVE_INFINITY);
      expect(proof.takeHeartbeat(epoch, sequence + 1, 900)).toBe(true);
      expect(proof.until).toBe(2_400);
    }
  });

  test('found wanting by a heartbeat begins anew with it', () => {
    const proof = new Proof(D);
    proof.takeHeartbeat('e', 7, 600);
    expect(proof.takeHeartbeat('e', 9, 500)).toBe(false);
    expect(proof.until).toBe(2_000);
  });

  test('is not needed without a bus', () => {
    expect(new Proof(Infinity).until).toBe(Infinity);
  });
});

describe('L1', () => {
  test('answers up to D after the last proof, and is suspended then', () => {
    const fleet = new Fleet();
    fleet.settle(fleet.cache().getOrSet('k', () => 1));
    fleet.run(3_000);
    const { proofAgeMs = 0 } = fleet.cache().health().bus ?? {};
    fleet.member().bus.disconnect();
    fleet.run(D - proofAgeMs - 1);
    expect(fleet.cache().peek<number>('k')).toBe(1);
    fleet.run(2);
    expect(fleet.cache().peek('k')).toBeUndefined();
    expect(fleet.settle(fleet.cache().lookup('k', () => 2))).toMatchObject({
      value: 1,
      tier: 'l2',
      steps: { l1: { outcome: 'bypass', reason: 'unproven' } },
    });
    fleet.run(600);
    expect(fleet.member().events.map(({ type }) => type)).toContain('l1_suspended');
    expect(fleet.cache().health().l1).toMatchObject({ healthy: false, suspended: true });
  });

  test('answers what was loaded here within D, proven or not', () => {
    const fleet = new Fleet();
    fleet.server.stop();
    fleet.run(5_000);
    fleet.settle(fleet.cache().getOrSet('k', () => 1));
    fleet.run(D - 5);
    expect(fleet.settle(fleet.cache().lookup('k', () => 2))).toMatchObject({ value: 1, tier: 'l1' });
    fleet.run(10);
    expect(fleet.settle(fleet.cache().lookup('k', () => 2))).toMatchObject({ value: 2, tier: 'source' });
  });

  test('is bounded by its TTL alone without a bus, and says so once', () => {
    const fleet = new Fleet({ tiers: 'l1+l2', warm: false });
    fleet.run(1_000);
    expect(fleet.member().events.filter(({ type }) => type === 'no_bus')).toHaveLength(1);
    fleet.settle(fleet.cache().getOrSet('k', () => 1));
    fleet.server.stop();
    fleet.run(20_000);
    expect(fleet.settle(fleet.cache().lookup('k', () => 2))).toMatchObject({ value: 1, tier: 'l1' });
    fleet.run(10_000);
    expect(fleet.settle(fleet.cache().lookup('k', () => 2))).toMatchObject({ value: 2, tier: 'source' });
    expect(fleet.cache().health().bus).toBeUndefined();
  });
});
