import { describe, expect, test } from 'bun:test';
import { cacheStatus } from '../../../src/adapters/elysia/cache-status.ts';
import { serverTiming } from '../../../src/adapters/elysia/server-timing.ts';
import type { Lookup } from '../../../src/core/model/lookup.ts';
import { lookup, step } from './lookups.ts';

const loaded = { outcome: 'loaded', durationMs: 3 } as const;
const failed = { outcome: 'failed', durationMs: 3 } as const;

const cases: [name: string, differences: Partial<Lookup<unknown>>, field: string][] = [
  ['an L1 hit', { steps: { l1: step({ outcome: 'hit', stored: true }) } }, 'tiercel-l1; hit; ttl=42'],
  [
    'an L2 hit',
    { tier: 'l2', steps: { l1: step({ stored: true }), l2: step({ outcome: 'hit' }) } },
    'tiercel-l2; hit; ttl=42, tiercel-l1; fwd=uri-miss; stored',
  ],
  [
    'a load',
    { tier: 'source', steps: { l1: step({ stored: true }), l2: step({ stored: true }), source: loaded } },
    'tiercel-l2; fwd=uri-miss; stored, tiercel-l1; fwd=uri-miss; stored',
  ],
  [
    'a load that was not stored',
    { tier: 'source', steps: { l1: step(), l2: step(), source: loaded } },
    'tiercel-l2; fwd=uri-miss, tiercel-l1; fwd=uri-miss',
  ],
  [
    'a load joined in this process',
    { tier: 'source', collapsed: true, steps: { l1: step({ collapsed: true }) } },
    'tiercel-l1; fwd=uri-miss; collapsed',
  ],
  [
    'a load joined in the fleet',
    { tier: 'l2', collapsed: true, steps: { l1: step({ stored: true }), l2: step({ collapsed: true }) } },
    'tiercel-l2; fwd=uri-miss; collapsed, tiercel-l1; fwd=uri-miss; stored',
  ],
  [
    'an entry that had expired in place',
    {
      tier: 'source',
      steps: {
        l1: step({ outcome: 'stale', stored: true }),
        l2: step({ outcome: 'stale', stored: true }),
        source: loaded,
      },
    },
    'tiercel-l2; fwd=stale; stored, tiercel-l1; fwd=stale; stored',
  ],
  [
    'a stale answer while it is revalidated',
    { state: 'stale', ttl: -2_100, steps: { l1: step({ outcome: 'stale' }) } },
    'tiercel-l1; hit; ttl=-3',
  ],
  [
    'a stale answer because the source failed',
    { state: 'stale', ttl: -2_100, steps: { l1: step({ outcome: 'stale' }), l2: step(), source: failed } },
    'tiercel-l2; fwd=uri-miss, tiercel-l1; fwd=stale; ttl=-3; detail=source-error',
  ],
  [
    'a value that no tier can prove fresh, because the source took too long',
    { state: 'stale', steps: { l1: step({ outcome: 'bypass', reason: 'unproven' }) } },
    'tiercel-l1; fwd=stale; ttl=0; detail=unproven',
  ],
  [
    'the same for one who had joined the load',
    {
      state: 'stale',
      collapsed: true,
      steps: { l1: step({ outcome: 'bypass', reason: 'unproven', collapsed: true }) },
    },
    'tiercel-l1; fwd=stale; ttl=0; detail=unproven; collapsed',
  ],
  [
    'a stale value because the load that was joined took too long',
    { state: 'stale', ttl: -2_100, collapsed: true, steps: { l1: step({ outcome: 'stale', collapsed: true }) } },
    'tiercel-l1; fwd=stale; ttl=-3; collapsed',
  ],
  [
    'an open breaker',
    {
      tier: 'source',
      steps: { l1: step({ stored: true }), l2: step({ outcome: 'bypass', reason: 'breaker-open' }), source: loaded },
    },
    'tiercel-l2; fwd=bypass; detail=breaker-open, tiercel-l1; fwd=uri-miss; stored',
  ],
  [
    'a suspended L1',
    { tier: 'l2', steps: { l1: step({ outcome: 'bypass', reason: 'unproven' }), l2: step({ outcome: 'hit' }) } },
    'tiercel-l2; hit; ttl=42, tiercel-l1; fwd=bypass; detail=unproven',
  ],
  ['a value that never expires', { ttl: Infinity, steps: { l1: step({ outcome: 'hit' }) } }, 'tiercel-l1; hit'],
  [
    'a TTL beyond what the field holds',
    { ttl: 1e300, steps: { l1: step({ outcome: 'hit' }) } },
    'tiercel-l1; hit; ttl=999999999999999',
  ],
];

describe('Cache-Status', () => {
  for (const [name, differences, field] of cases) {
    test(`of ${name}`, () => {
      expect(cacheStatus(lookup({ value: 1, ...differences }))).toBe(field);
    });
  }
});

test('Server-Timing names the tiers asked, in milliseconds to the hundredth', () => {
  const steps = { l1: step({ durationMs: 0.00421 }), l2: step({ durationMs: 1.23456 }), source: loaded };
  expect(serverTiming(steps)).toBe('l1;dur=0, l2;dur=1.23, source;dur=3');
  expect(serverTiming({ source: loaded })).toBe('source;dur=3');
});
