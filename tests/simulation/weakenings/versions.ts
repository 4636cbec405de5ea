import { MemoryDatabase, type Shape } from '../../../src/adapters/memory/index.ts';
import type { Heartbeat } from '../../../src/core/ports/remote-tier.ts';
import { MAX_LAG_MS } from '../world.ts';
import { INVALIDATED, LASTING, type Weakened } from './weakening.ts';

/** Two versions of the cache side by side, as in a rolling deploy. */
const SIDE_BY_SIDE = {
  faults: [],
  writeShare: 0.15,
  gapMs: 5,
  setting: { keys: INVALIDATED, versions: 2, instances: 4 },
  policy: LASTING,
} as const;

/** An invalidation reaches every version of the cache that has records in L2. */
export const VERSIONS: Readonly<Record<string, Weakened>> = {
  'an invalidation that reaches one version alone': {
    weakening: {
      database: class extends MemoryDatabase {
        protected override reached(_generation: string, shape: Shape): readonly Shape[] {
          return [shape];
        }
      },
    },
    mix: SIDE_BY_SIDE,
  },

  'a version that lapses with its heartbeat': {
    weakening: {
      database: class extends MemoryDatabase {
        readonly #heardAt = new Map<Shape, number>();
        #time = 0;

        override heartbeat(...given: Parameters<MemoryDatabase['heartbeat']>): Heartbeat {
          const beat = super.heartbeat(...given);
          this.#heardAt.set(given[0], beat.time);
          this.#time = beat.time;
          return beat;
        }

        protected override reached(generation: string, shape: Shape): readonly Shape[] {
          const since = this.#time - MAX_LAG_MS;
          return super.reached(generation, shape).filter((each) => (this.#heardAt.get(each) ?? 0) > since);
        }
      },
    },
    mix: {
      ...SIDE_BY_SIDE,
      faults: ['process stands', 'data is a black hole'],
      faultShare: 0.03,
      faultMs: [2_000, 6_000],
      // Few writes: those that come before the version lapses still reach it.
      writeShare: 0.03,
      gapMs: 20,
      setting: { ...SIDE_BY_SIDE.setting, instances: 2, outbox: false },
    },
  },
};
