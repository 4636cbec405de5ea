import type { BusListener } from '../../../src/core/ports/bus.ts';
import type { RemoteTier, Session } from '../../../src/core/ports/remote-tier.ts';
import { Recovery } from '../../../src/core/sync/recovery.ts';
import { GuardedL2 } from '../../../src/core/tiers/guarded-l2.ts';
import { overriding } from '../../../src/testing/chaos/overriding.ts';
import type { Mix } from '../plan-of.ts';
import type { Wiring } from '../world.ts';
import { hearing, INVALIDATED, LASTING, type Weakened } from './weakening.ts';

/** Other servers, or another database of the one, answer in turn, and come back with what they had. */
export const LED_ELSEWHERE = {
  faults: ['address leads elsewhere', 'databases are swapped'],
  faultMs: [300, 4_000],
  faultShare: 0.02,
  writeShare: 0.15,
  gapMs: 10,
  setting: { keys: INVALIDATED },
  policy: LASTING,
} as const satisfies Mix;

/** Whether L2 still tells the history that is believed. */
export const HISTORY: Readonly<Record<string, Weakened>> = {
  'no epoch': {
    weakening: { wire: (wiring) => withoutEpochs(wiring) },
    mix: {
      faults: ['server restarts from before', 'server fails over', 'server restarts'],
      faultShare: 0.03,
      setting: { keys: INVALIDATED },
      policy: LASTING,
    },
  },

  'an invalidation that is acknowledged under any generation': {
    weakening: {
      tier: (tier) =>
        overriding(tier, {
          invalidate: async (...given) => {
            const reply = await tier.invalidate(...given);
            return reply.kind === 'done' ? reply : { kind: 'done', sequence: 0 };
          },
        }),
    },
    mix: {
      faults: ['server restarts', 'server restarts from before', 'server is flushed'],
      faultShare: 0.05,
      writeShare: 0.3,
      setting: { keys: INVALIDATED },
      policy: LASTING,
    },
  },

  'a history that is believed after the connection was lost': {
    weakening: {
      collaborators: {
        GuardedL2: class extends GuardedL2 {
          override distrust(): void {}
        },
      },
    },
    mix: {
      faults: ['server restarts from before'],
      faultMs: [30, 300],
      faultShare: 0.03,
      writeShare: 0.1,
      gapMs: 3,
      setting: { keys: ['k0'], sourceLatency: [0.5, 3] },
      policy: { ...LASTING, l1Ttl: 20 },
    },
  },

  'a history that is believed however long ago it was confirmed': {
    weakening: {
      collaborators: {
        GuardedL2: class extends GuardedL2 {
          override get refusal(): 'breaker-open' | 'untrusted' | undefined {
            return this.breaker.isClosed ? undefined : 'breaker-open';
          }
        },
      },
    },
    mix: {
      faults: ['network splits', 'process stands'],
      faultMs: [1_000, 5_000],
      faultShare: 0.03,
      gapMs: 10,
      reads: ['get', 'read'],
      setting: { keys: ['k0', 'k1'], instances: 2 },
      policy: LASTING,
    },
  },

  'an earlier history that is believed again': {
    weakening: {
      collaborators: {
        Recovery: class extends Recovery {
          override mayUse(): boolean {
            return true;
          }

          override get term(): number {
            return 0;
          }
        },
      },
    },
    mix: { ...LED_ELSEWHERE, setting: { keys: INVALIDATED, outbox: false } },
  },

  'a heartbeat that only publishes': {
    weakening: { wire: (wiring) => beatingWithoutWriting(wiring) },
    mix: {
      faults: ['network splits'],
      faultMs: [2_000, 5_000],
      faultShare: 0.01,
      gapMs: 10,
      setting: { keys: INVALIDATED },
      policy: LASTING,
    },
  },
};

/** One history for ever: whatever the server says of its run, it is the same, and so is the generation. */
function withoutEpochs({ tier, bus, ...rest }: Wiring): Wiring {
  let present = '';
  const real = (session: Session): Session => ({ ...session, epoch: present });
  return {
    ...rest,
    tier: overriding<RemoteTier>(tier, {
      heartbeat: async (instance, nonce) => {
        const heartbeat = await tier.heartbeat(instance, nonce);
        present = heartbeat.epoch;
        await tier.agreeGeneration(present, GENERATION);
        return { ...heartbeat, epoch: EPOCH, generation: GENERATION, term: 1 };
      },
      invalidate: (order, session) => tier.invalidate(order, real(session)),
      write: (request) => tier.write({ ...request, session: real(request.session) }),
    }),
    bus: hearing(bus, (listener, message) => listener.onMessage({ ...message, epoch: EPOCH })),
  };
}

const EPOCH = 'the only epoch';
const GENERATION = 'the only generation';

/**
 * Where a server refuses the write of a heartbeat, its publication alone is as good: the server still carries it, and
 * says what it last knew.
 */
function beatingWithoutWriting({ tier, bus, clock, ...rest }: Wiring): Wiring {
  let listener: BusListener | undefined;
  let last: Awaited<ReturnType<RemoteTier['heartbeat']>> | undefined;
  return {
    ...rest,
    clock,
    tier: overriding<RemoteTier>(tier, {
      heartbeat: async (instance, nonce) => {
        try {
          last = await tier.heartbeat(instance, nonce);
          return last;
        } catch (error) {
          const isRefused = error instanceof Error && error.message.startsWith('No replica');
          if (!isRefused || last === undefined) throw error;
          const { epoch, sequence } = last;
          clock.after(1, () => listener?.onMessage({ kind: 'heartbeat', epoch, sequence, nonce }));
          return last;
        }
      },
    }),
    bus: hearing(bus, (given, message) => {
      listener = given;
      if (message.kind === 'invalidation' && last !== undefined) last = { ...last, sequence: message.sequence };
      given.onMessage(message);
    }),
  };
}
