import { type TagGeneration, TagRegistry } from '../../../src/core/model/tags.ts';
import type { RemoteTier } from '../../../src/core/ports/remote-tier.ts';
import {
  NOTHING_UNDELIVERED,
  PendingInvalidations,
  type PendingOrder,
  type Undelivered,
} from '../../../src/core/state/pending-invalidations.ts';
import { overriding } from '../../../src/testing/chaos/overriding.ts';
import type { Wiring } from '../world.ts';
import { hearing, LASTING, type Weakened } from './weakening.ts';

/** What is owed to L2, and what is remembered of tags. */
export const DEBTS: Readonly<Record<string, Weakened>> = {
  'pending invalidations that do not stand in for L2': {
    weakening: {
      collaborators: {
        PendingInvalidations: class extends PendingInvalidations {
          override undelivered(): Undelivered {
            return NOTHING_UNDELIVERED;
          }
        },
      },
    },
  },

  'a pattern that is given up when it cannot be swept': {
    weakening: {
      collaborators: {
        PendingInvalidations: class extends PendingInvalidations {
          override widen(order: PendingOrder): undefined {
            this.settle(order);
          }
        },
      },
    },
    mix: { faults: ['sweeps are refused'], faultShare: 0.02, how: ['pattern'], modes: ['delete'], policy: LASTING },
  },

  'tags that are never ended in this process': {
    weakening: {
      collaborators: {
        TagRegistry: class extends TagRegistry {
          override invalidate(): boolean {
            return false;
          }
        },
      },
    },
  },

  'a generation that is remembered though a message crossed its reading': {
    weakening: { wire: (wiring) => rememberingTags(wiring) },
    mix: { faults: [], how: ['tag', 'clear'], writeShare: 0.3, policy: LASTING },
  },
};

/** A memory of generations beside the cache's own: messages end what it holds, but not what is on its way to it. */
function rememberingTags({ tier, bus, ...rest }: Wiring): Wiring {
  const known = new Map<string, TagGeneration>();
  return {
    ...rest,
    tier: overriding<RemoteTier>(tier, {
      tagGenerations: async (tags, generation, keepFor) => {
        const held = tags.flatMap((tag) => known.get(tag) ?? []);
        if (held.length === tags.length) return held;
        const read = await tier.tagGenerations(tags, generation, keepFor);
        tags.forEach((tag, index) => {
          const one = read[index];
          if (one !== undefined) known.set(tag, one);
        });
        return read;
      },
    }),
    bus: hearing(bus, (listener, message) => {
      if (message.kind === 'invalidation') for (const tag of message.targets.tags) known.delete(tag);
      listener.onMessage(message);
    }),
  };
}
