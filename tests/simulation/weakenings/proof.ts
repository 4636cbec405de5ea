import type { BusListener } from '../../../src/core/ports/bus.ts';
import { Proof } from '../../../src/core/state/proof.ts';
import { HeartbeatLoop } from '../../../src/core/sync/heartbeat-loop.ts';
import { GuardedL2 } from '../../../src/core/tiers/guarded-l2.ts';
import { overriding } from '../../../src/testing/chaos/overriding.ts';
import type { Wiring } from '../world.ts';
import { hearing, INVALIDATED, LASTING, SLOW_AND_ALONE, type Weakened } from './weakening.ts';

/** Whether an instance knows what it has missed. */
export const PROOF: Readonly<Record<string, Weakened>> = {
  'gaps in the numbers that an instance ignores': {
    weakening: {
      collaborators: {
        Proof: class extends Proof {
          override takeInvalidation(epoch: string, sequence: number): boolean {
            super.takeHeartbeat(epoch, sequence, this.provenAt);
            return true;
          }

          override takeHeartbeat(epoch: string, sequence: number, sentAt: number): boolean {
            super.takeHeartbeat(epoch, sequence, sentAt);
            return true;
          }
        },
      },
    },
  },

  'a gap that is ignored because a resync was lately': {
    weakening: {
      collaborators: {
        Proof: class extends Proof {
          override suspend(): void {}
        },
      },
    },
    mix: {
      // Losses in quick succession, and lulls in which what was ignored grows old.
      faults: ['messages are lost'],
      faultMs: [8, 15],
      faultShare: 0.25,
      writeShare: 0.3,
      gapMs: 1.7,
      modes: ['delete'],
      how: ['key'],
      reads: ['read'],
      setting: { instances: 2, keys: ['k0', 'k1', 'k2', 'a/k0', 'a/k1', 'a/b/k0'], outbox: false },
      policy: LASTING,
    },
  },

  'no heartbeat: L1 answers without proof': {
    weakening: {
      collaborators: {
        Proof: class extends Proof {
          override isProven(): boolean {
            return true;
          }
        },
      },
    },
  },

  'a resync that does not clear at the first number': {
    weakening: {
      collaborators: {
        Proof: class extends Proof {
          override takeHeartbeat(epoch: string, sequence: number, sentAt: number): boolean {
            const isFirst = this.seen === undefined;
            return super.takeHeartbeat(epoch, sequence, sentAt) || isFirst;
          }

          override takeInvalidation(epoch: string, sequence: number): boolean {
            const isFirst = this.seen === undefined;
            return super.takeInvalidation(epoch, sequence) || isFirst;
          }
        },
      },
    },
    mix: {
      faults: ['process crashes'],
      faultMs: [1, 100],
      faultShare: 0.02,
      gapMs: 10,
      policy: LASTING,
    },
  },

  'a first heartbeat after an outage that clears nothing': {
    weakening: {
      collaborators: {
        HeartbeatLoop: class extends HeartbeatLoop {
          override accept(): void {}
        },
      },
    },
    mix: {
      faults: ['everybody is cut off'],
      faultMs: [2_800, 4_000],
      faultShare: 0.02,
      // Rare reads: what is read meanwhile is replaced meanwhile.
      gapMs: 120,
      modes: ['delete'],
      setting: { keys: INVALIDATED, full: true, pendingWithin: 1_000 },
      policy: LASTING,
    },
  },

  'a number taken from the command connection': {
    weakening: {
      collaborators: {
        // What a reader of that number believes: all that is up to it has come, or is on its way.
        Proof: class extends Proof {
          override takeInvalidation(epoch: string, sequence: number): boolean {
            const isOld = epoch === this.epoch && this.seen !== undefined && sequence <= this.seen;
            return isOld || super.takeInvalidation(epoch, sequence);
          }

          override takeHeartbeat(epoch: string, sequence: number, sentAt: number): boolean {
            const isSameEpoch = epoch === this.epoch;
            return super.takeHeartbeat(epoch, sequence, sentAt) || isSameEpoch;
          }
        },
      },
      wire: (wiring) => hearingReplies(wiring),
    },
    mix: { faults: ['messages are lost', 'bus is a black hole'], policy: LASTING },
  },

  'no second witness: a proof ages by the monotonic clock alone': {
    weakening: {
      collaborators: {
        Proof: class extends Proof {
          constructor(maxLagMs: number) {
            super(maxLagMs);
          }
        },
      },
    },
    mix: {
      faults: ['host sleeps'],
      faultMs: [2_000, 4_000],
      faultShare: 0.01,
      // Slow enough that what is asked comes after a sleep too, not only in it.
      gapMs: 20,
      reads: ['read'],
      setting: { instances: 2 },
      policy: LASTING,
    },
  },

  'a stamp from the future that counts as new': {
    weakening: {
      collaborators: {
        GuardedL2: class extends GuardedL2 {
          override get uncertaintyMs(): number {
            return Infinity;
          }
        },
      },
    },
    mix: {
      faults: ['server clock steps'],
      faultShare: 0.01,
      faultMs: [500, 1_000],
      writeShare: 0.02,
      // Some time before a step and some time after it, so that it is no question when a value was stamped.
      gapMs: 200,
      policy: { ...LASTING, ttl: 12_000, l1Ttl: 150 },
    },
  },

  'an age that counts from the end of the load': {
    weakening: {
      wire: (wiring) => ({
        ...wiring,
        l1: {
          ...wiring.l1,
          set: (id, entry) =>
            wiring.l1.set(
              id,
              Number.isFinite(entry.loadBeganAt) ? { ...entry, loadBeganAt: wiring.clock.now() } : entry,
            ),
        },
      }),
    },
    mix: SLOW_AND_ALONE,
  },
};

/** A bus whose heartbeats are heard as soon as their replies have come, and no other way. */
function hearingReplies({ tier, bus, ...rest }: Wiring): Wiring {
  let listener: BusListener | undefined;
  return {
    ...rest,
    tier: overriding(tier, {
      heartbeat: async (instance, nonce) => {
        const heartbeat = await tier.heartbeat(instance, nonce);
        const { epoch, sequence } = heartbeat;
        listener?.onMessage({ kind: 'heartbeat', epoch, sequence, nonce });
        return heartbeat;
      },
    }),
    bus: hearing(bus, (given, message) => {
      listener = given;
      if (message.kind === 'invalidation') given.onMessage(message);
    }),
  };
}
