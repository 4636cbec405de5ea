import type { CacheHealth, CacheStats } from '../core/stats.ts';
import { LABEL, METRIC } from './names.ts';

/** One reading of a cache. All instruments take their points from it. */
export interface Reading {
  readonly stats: CacheStats;
  readonly health: CacheHealth;
}

/** One time series at one moment. */
export interface Point {
  readonly value: number;
  readonly labels?: Readonly<Record<string, string>>;
}

/** An instrument that costs nothing until an exporter reads it. */
export interface ReadInstrument {
  readonly name: string;
  readonly kind: 'counter' | 'gauge';
  readonly unit?: string;
  readonly description: string;
  read(reading: Reading): readonly Point[];
}

const BREAKER_STATES = { closed: 0, 'half-open': 1, open: 2, 'forced-open': 3, 'forced-closed': -1 } as const;
const L1 = { [LABEL.tier]: 'l1' };
const L2 = { [LABEL.tier]: 'l2' };
const SOURCE = { [LABEL.tier]: 'source' };

const one = (value: number | undefined, labels?: Point['labels']): Point[] =>
  value === undefined ? [] : [{ value, ...(labels && { labels }) }];

/** The instruments that read counts which the cache keeps anyway. */
export const READ_INSTRUMENTS: readonly ReadInstrument[] = [
  {
    name: METRIC.lookups,
    kind: 'counter',
    description: 'Lookups by the tier that answered, the outcome, and the group of the key',
    read: ({ stats }) => lookupPoints(stats),
  },
  {
    name: METRIC.collapsed,
    kind: 'counter',
    description: 'Lookups answered by a load that another caller had begun',
    read: ({ stats }) =>
      stats.groups.map(({ collapsed, group }) => ({ value: collapsed, labels: { [LABEL.group]: group } })),
  },
  {
    name: METRIC.evictions,
    kind: 'counter',
    description: 'Entries that a tier dropped to make room; of l2 all keys of the server, as every instance sees them',
    read: ({ stats: { tiers } }) => [...one(tiers.l1.evictions, L1), ...one(tiers.l2?.evictions, L2)],
  },
  {
    name: METRIC.entries,
    kind: 'gauge',
    description: 'Entries in a tier; of l2 all keys of its database, as every instance sees them',
    read: ({ stats: { tiers } }) => [...one(tiers.l1.entries, L1), ...one(tiers.l2?.server?.keys, L2)],
  },
  {
    name: METRIC.bytes,
    kind: 'gauge',
    unit: 'By',
    description: 'Estimated size of the entries in a tier; of l2 all memory of the server, as every instance sees it',
    read: ({ stats: { tiers } }) => [...one(tiers.l1.bytes, L1), ...one(tiers.l2?.server?.memory.usedBytes, L2)],
  },
  {
    name: METRIC.breakerState,
    kind: 'gauge',
    description: 'Breaker of a tier: 0 closed, 1 half-open, 2 open, 3 held open by an operator, -1 held closed',
    read: ({ health: { l2, source } }) => [
      ...one(l2 && BREAKER_STATES[l2.breaker], L2),
      ...one(source.breaker && BREAKER_STATES[source.breaker], SOURCE),
    ],
  },
  {
    name: METRIC.breakerTransitions,
    kind: 'counter',
    description: 'Changes of state of all breakers',
    read: ({ stats }) => one(stats.breakerTransitions),
  },
  {
    name: METRIC.busMessages,
    kind: 'counter',
    description: 'Messages received on the bus',
    read: ({ stats }) => one(stats.bus.messages),
  },
  {
    name: METRIC.busGaps,
    kind: 'counter',
    description: 'Gaps in the numbers of the messages on the bus',
    read: ({ stats }) => one(stats.bus.gaps),
  },
  {
    name: METRIC.proofAge,
    kind: 'gauge',
    unit: 's',
    description: 'Age of the latest proof that no invalidation was missed',
    read: ({ health }) => one(health.bus?.proofAgeMs).map(({ value }) => ({ value: value / 1_000 })),
  },
  {
    name: METRIC.l1Suspended,
    kind: 'gauge',
    description: '1 while L1 does not answer because this instance cannot prove that it missed no invalidation',
    read: ({ health }) => one(Number(health.l1.suspended)),
  },
  {
    name: METRIC.relayLag,
    kind: 'gauge',
    unit: 's',
    description: 'Time since the change that waits longest in the outbox became due',
    read: ({ health }) => one(health.relay?.lagMs).map(({ value }) => ({ value: value / 1_000 })),
  },
  {
    name: METRIC.invalidations,
    kind: 'counter',
    description: 'Invalidations ordered by this instance',
    read: ({ stats }) => one(stats.invalidations),
  },
  {
    name: METRIC.fillsRefused,
    kind: 'counter',
    description: 'Loaded values that L2 refused to store because of an invalidation',
    read: ({ stats }) => one(stats.tiers.l2?.fillsRefused),
  },
  {
    name: METRIC.errors,
    kind: 'counter',
    description: 'Failures of L2 that no call failed with',
    read: ({ stats }) => one(stats.tiers.l2?.errors),
  },
];

/**
 * Makes the points of `cache_lookups_total`. The cache counts stale answers by tier alone, so their points have no
 * group.
 */
function lookupPoints({ groups, tiers }: CacheStats): Point[] {
  const last = tiers.l2 === undefined ? 'l1' : 'l2';
  const point = (tier: string, outcome: string, value: number, group?: string): Point => ({
    value,
    labels: { [LABEL.tier]: tier, [LABEL.outcome]: outcome, ...(group !== undefined && { [LABEL.group]: group }) },
  });
  return [
    ...groups.flatMap(({ group, l1Hits, l2Hits, misses, unanswered, errors }) => [
      point('l1', 'hit', l1Hits, group),
      point('l2', 'hit', l2Hits, group),
      // Calls that load nothing end at the last tier.
      ...(unanswered > 0 ? [point(last, 'miss', unanswered, group)] : []),
      point('source', 'load', misses - unanswered, group),
      point('source', 'error', errors, group),
    ]),
    point('l1', 'stale', tiers.l1.stale),
    ...(tiers.l2 ? [point('l2', 'stale', tiers.l2.stale)] : []),
  ];
}
