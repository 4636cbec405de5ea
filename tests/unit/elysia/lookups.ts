import type { Lookup, TierStep } from '../../../src/core/model/lookup.ts';

/** A step that missed, with what differs. */
export function step(differences: Partial<TierStep> = {}): TierStep {
  return { outcome: 'miss', stored: false, collapsed: false, durationMs: 0, ...differences };
}

/** A fresh L1 hit, with what differs. */
export function lookup<V = unknown>(differences: Partial<Lookup<V>> & { value: V }): Lookup<V> {
  return {
    tier: 'l1',
    state: 'fresh',
    age: 17_400,
    ttl: 42_900,
    collapsed: false,
    tags: [],
    steps: { l1: step({ outcome: 'hit', stored: true, durationMs: 0.0042 }) },
    ...differences,
  };
}
