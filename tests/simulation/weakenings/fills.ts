import type { TagStamp } from '../../../src/core/ports/codec.ts';
import type { FillRequest, RemoteTier } from '../../../src/core/ports/remote-tier.ts';
import { jsonCodec } from '../../../src/core/tiers/json-codec.ts';
import { overriding } from '../../../src/testing/chaos/overriding.ts';
import type { Wiring } from '../world.ts';
import { INVALIDATED, LASTING, type Weakened } from './weakening.ts';

/** Who may fill L2, and over what. */
export const FILLS: Readonly<Record<string, Weakened>> = {
  'no lease: a fill that stores whatever the record is by now': {
    weakening: {
      tier: (tier) => overriding(tier, { fill: (request) => fillBlindly(tier, request) }),
    },
  },

  'a refresh that stores over whatever value is there by now': {
    weakening: {
      tier: (tier) =>
        overriding(tier, {
          fill: async (request) => {
            if (request.expected.kind === 'lease') return tier.fill(request);
            const record = await tier.read(request.id, request.generation);
            if (record.kind !== 'value') return false;
            return tier.fill({ ...request, expected: { kind: 'value', token: record.value.token } });
          },
        }),
    },
    mix: {
      reads: ['read'],
      writeShare: 0.3,
      faults: [],
      how: ['key'],
      modes: ['expire'],
      setting: { keys: ['k0'], sourceLatency: [1, 120] },
      policy: { ttl: 3_000, l1Ttl: 150, staleWhileRevalidate: 1_000, staleIfError: 0, refreshAhead: 0.1 },
    },
  },

  'a load that began before the reply that granted its lease': {
    weakening: { wire: (wiring) => hasty(wiring) },
    mix: { faults: ['data is slow'], setting: { keys: INVALIDATED }, policy: LASTING },
  },

  'a lease that is given back without looking whose it is': {
    weakening: {
      tier: (tier) =>
        overriding(tier, {
          release: async (id, generation) => {
            const record = await tier.read(id, generation);
            if (record.kind === 'lease') await tier.release(id, generation, record.token);
          },
        }),
    },
    mix: {
      faults: [],
      writeShare: 0.03,
      gapMs: 10,
      how: ['key'],
      modes: ['delete'],
      setting: { keys: ['k0'], instances: 4, sourceLatency: [1, 400], lateShare: 0 },
      policy: { ...LASTING, lease: 5_000, hardTimeout: 2_500 },
    },
  },

  'a refresh claim that is not renewed': {
    weakening: { tier: (tier) => overriding(tier, { renewRefresh: async () => true }) },
    mix: {
      faults: [],
      writeShare: 0.03,
      gapMs: 10,
      reads: ['read'],
      how: ['key'],
      modes: ['expire'],
      setting: { keys: ['k0'], instances: 4, sourceLatency: [1, 400], lateShare: 0, versions: 1 },
      policy: { ...LASTING, lease: 250, hardTimeout: 2_500 },
    },
  },

  'a note of how a load ended that outlives its second': {
    weakening: {
      tier: (tier) => overriding(tier, { leaveOutcome: (note) => tier.leaveOutcome({ ...note, keepFor: 60_000 }) }),
    },
    mix: {
      faults: [],
      // By a tag: what ends a key ends its note too.
      how: ['tag'],
      modes: ['delete'],
      writeShare: 0.02,
      gapMs: 10,
      reads: ['read'],
      skipShare: 0.3,
      setting: { keys: ['k0'], instances: 4, sourceLatency: [1, 120], lateShare: 0, versions: 1 },
      policy: { ...LASTING, l1Ttl: 150, hardTimeout: 2_500 },
    },
  },

  'tags that are read when the load is over': {
    weakening: { tier: (tier) => overriding(tier, { fill: (request) => fillUnderPresentTags(tier, request) }) },
    mix: { how: ['tag', 'clear'], setting: { sourceLatency: [1, 120] } },
  },

  'a message before the records are gone': {
    weakening: {
      wire: (wiring) => sweepingLate(wiring),
    },
    mix: { how: ['pattern'], setting: { keys: INVALIDATED }, policy: { ...LASTING, l1Ttl: 5_000 } },
  },
};

/** SET without a condition, in as many steps as it takes. */
async function fillBlindly(tier: RemoteTier, request: FillRequest): Promise<boolean> {
  const record = await tier.acquire(request.id, request.generation, request.token, 5_000);
  const expected =
    record.kind === 'value'
      ? ({ kind: 'value', token: record.value.token } as const)
      : ({ kind: 'lease', token: record.kind === 'lease' ? record.token : request.token } as const);
  return tier.fill({ ...request, expected });
}

/** A caller that waits long for a lease begins to load. If the lease was granted after all, its fill is as good as any. */
function hasty({ tier, clock, ...rest }: Wiring): Wiring {
  const granted = new Map<string, Promise<unknown>>();
  return {
    ...rest,
    clock,
    tier: overriding<RemoteTier>(tier, {
      acquire: (id, generation, token, leaseMs) => {
        const reply = tier.acquire(id, generation, token, leaseMs);
        granted.set(token, reply);
        return new Promise((resolve, reject) => {
          clock.after(IMPATIENT_MS, () => resolve({ kind: 'none' }));
          reply.then(resolve, reject);
        });
      },
      fill: async (request) => {
        await granted.get(request.expected.token);
        return tier.fill(request);
      },
    }),
  };
}

const IMPATIENT_MS = 10;

async function fillUnderPresentTags(tier: RemoteTier, request: FillRequest): Promise<boolean> {
  const envelope = jsonCodec.decode(request.body);
  const tags = envelope.tags.map(([tag]) => tag);
  const generations = await tier.tagGenerations(tags, request.generation, 60_000);
  const current = envelope.tags.map(([tag, hard, soft], index): TagStamp => {
    const present = generations[index] ?? { hard, soft };
    return [tag, present.hard, present.soft];
  });
  return tier.fill({ ...request, body: jsonCodec.encode({ ...envelope, tags: current }) });
}

/** The message goes out at once, the sweep comes after it. */
function sweepingLate({ tier, ...rest }: Wiring): Wiring {
  const due: Parameters<RemoteTier['sweep']>[] = [];
  return {
    ...rest,
    tier: overriding<RemoteTier>(tier, {
      sweep: async (...given) => {
        due.push(given);
        return { touched: 0 };
      },
      invalidate: async (...given) => {
        const reply = await tier.invalidate(...given);
        for (const sweep of due.splice(0)) await tier.sweep(...sweep);
        return reply;
      },
    }),
  };
}
