import { describe, expect, test } from 'bun:test';
import type { CacheEvent } from '../../src/index.ts';
import { Fleet, type Member } from '../support/core-fixture.ts';
import { HeldLoads } from '../support/held-loads.ts';
import { watch } from '../support/watch.ts';

/** An event as one line: its type and what matters of it. */
function line(event: CacheEvent): string {
  switch (event.type) {
    case 'lookup': {
      const { tier, state, steps, collapsed } = event.lookup;
      const asked = Object.entries(steps).map(([name, step]) => `${name}:${step.reason ?? step.outcome}`);
      return `lookup ${event.key} ${state} from ${tier} (${asked.join(' ')})${collapsed ? ' collapsed' : ''}`;
    }
    case 'lookup_failed':
      return `lookup_failed ${event.key}`;
    case 'load':
      return `load ${event.key}${event.background ? ' behind' : ''}${event.error === undefined ? '' : ' failed'}`;
    case 'tier_failure':
      return `tier_failure ${event.tier} ${event.operation}${event.background ? ' behind' : ''}`;
    case 'l2_timeout':
      return `l2_timeout ${event.operation} ${event.durationMs}`;
    case 'breaker_transition':
      return `breaker ${event.from} → ${event.to}`;
    case 'invalidated':
      return `invalidated ${[...event.targets.ids, ...event.targets.tags].join(' ')} ${event.origin}`;
    case 'invalidation_pending':
      return `invalidation_pending ${event.keys} keys ${event.tags} tags`;
    default:
      return event.type;
  }
}

/** The lines since the last call. */
function traceOf({ events }: Member): string[] {
  return events.splice(0).map(line);
}

describe('what is told of', () => {
  test('a miss, a hit in L2, a hit in L1', () => {
    const fleet = new Fleet({ instances: 2 });
    fleet.settle(fleet.cache(0).getOrSet('k', () => 1));
    expect(traceOf(fleet.member(0))).toEqual(['load k', 'lookup k fresh from source (l1:miss l2:miss source:loaded)']);
    fleet.settle(fleet.cache(1).getOrSet('k', () => 1));
    expect(traceOf(fleet.member(1))).toEqual(['lookup k fresh from l2 (l1:miss l2:hit)']);
    fleet.settle(fleet.cache(1).getOrSet('k', () => 1));
    expect(traceOf(fleet.member(1))).toEqual([]);
  });

  test('callers who share a load', () => {
    const fleet = new Fleet();
    const loads = new HeldLoads<number>();
    for (let caller = 0; caller < 2; caller += 1) watch(fleet.cache().getOrSet('k', loads.loader));
    fleet.run(5);
    loads.answer(1);
    fleet.run(5);
    expect(traceOf(fleet.member())).toEqual([
      'load k',
      'lookup k fresh from source (l1:miss l2:miss source:loaded)',
      'lookup k fresh from source (l1:miss l2:miss source:loaded) collapsed',
    ]);
  });

  test('a stale answer and the refresh behind it', () => {
    const fleet = new Fleet({ defaults: { ttl: '1s', staleWhileRevalidate: '1h' } });
    fleet.settle(fleet.cache().getOrSet('k', () => 1));
    fleet.run(1_000);
    traceOf(fleet.member());
    fleet.settle(fleet.cache().getOrSet('k', () => 2));
    fleet.run(5);
    expect(traceOf(fleet.member())).toEqual(['lookup k stale from l1 (l1:stale)', 'load k behind']);
  });

  test('a source that fails, with and without an old value', () => {
    const fleet = new Fleet({ defaults: { ttl: '1s', staleIfError: '1h' } });
    const failing = () => Promise.reject(new Error('down'));
    fleet.failure(fleet.cache().getOrSet('new', failing));
    expect(traceOf(fleet.member())).toEqual(['load new failed', 'lookup_failed new']);
    fleet.settle(fleet.cache().getOrSet('k', () => 1));
    fleet.run(1_000);
    traceOf(fleet.member());
    for (let ask = 0; ask < 2; ask += 1) fleet.settle(fleet.cache().lookup<number>('k', failing));
    expect(traceOf(fleet.member())).toEqual([
      'load k failed',
      'tier_failure source load',
      'lookup k stale from l2 (l1:stale l2:stale source:failed)',
      'lookup k stale from l1 (l1:stale source:failed)',
    ]);
  });

  test('an invalidation, here and elsewhere', () => {
    const fleet = new Fleet({ instances: 2 });
    fleet.settle(fleet.cache(0).invalidate({ keys: ['k'], tags: ['t'] }));
    fleet.run(5);
    expect(traceOf(fleet.member(0))).toEqual(['invalidated k t here']);
    expect(traceOf(fleet.member(1))).toEqual(['invalidated k t elsewhere']);
  });

  test('a fill that comes too late', () => {
    const fleet = new Fleet({ instances: 2 });
    const loads = new HeldLoads<number>();
    watch(fleet.cache(0).getOrSet('k', loads.loader));
    fleet.run(5);
    fleet.hold('message', 'i0.bus');
    fleet.settle(fleet.cache(1).delete('k'));
    loads.answer(1);
    fleet.run(5);
    expect(traceOf(fleet.member(0))).toEqual([
      'load k',
      'fill_refused',
      'lookup k fresh from source (l1:miss l2:miss source:loaded)',
    ]);
  });

  test('a message that was lost', () => {
    const fleet = new Fleet({ instances: 2 });
    fleet.member(0).bus.disconnect();
    fleet.settle(fleet.cache(1).delete('k'));
    fleet.member(0).bus.reconnect();
    fleet.run(100);
    expect(traceOf(fleet.member(0))).toEqual(['tier_failure l2 subscribe behind', 'bus_gap', 'bus_resync']);
  });

  test('a server that is away, and back with nothing', () => {
    const fleet = new Fleet();
    fleet.server.stop();
    fleet.settle(fleet.cache().getOrSet('k', () => 1));
    fleet.failure(fleet.cache().delete('k'));
    fleet.run(2_000);
    expect(traceOf(fleet.member())).toEqual([
      'tier_failure l2 connect behind',
      'tier_failure l2 subscribe behind',
      'load k',
      'lookup k fresh from source (l1:miss l2:untrusted source:loaded)',
      'invalidated k here',
      'invalidation_pending 1 keys 0 tags',
      'breaker closed → open',
      'l2_down',
      'breaker open → half-open',
      'breaker half-open → open',
      'breaker open → half-open',
      'l1_suspended',
      'breaker half-open → open',
      'breaker open → half-open',
      'breaker half-open → open',
    ]);
    fleet.server.restart({ keepData: false });
    fleet.run(1_200);
    expect(traceOf(fleet.member())).toEqual([
      'breaker open → half-open',
      // The heartbeat's echo: an unexpected number, after a time without proof.
      'bus_gap',
      'bus_resync',
      'bus_resync',
      'l1_resumed',
      // Its reply: another history.
      'bus_resync',
      'epoch_changed',
      'invalidation_delivered',
      'breaker half-open → closed',
      'l2_up',
    ]);
  });

  test('an L2 that is silent', () => {
    const fleet = new Fleet();
    const gate = fleet.hold('request', 'i0.data acquire');
    fleet.settle(fleet.cache().getOrSet('k', () => 1));
    expect(traceOf(fleet.member())).toEqual([
      'l2_timeout acquire 50',
      'tier_failure l2 acquire',
      'load k',
      'lookup k fresh from source (l1:miss l2:timeout source:loaded)',
    ]);
    gate.open();
  });
});
