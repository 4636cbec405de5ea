import { MemoryDatabase } from '../../../src/adapters/memory/index.ts';
import { INVALIDATED, LASTING, type Weakened } from './weakening.ts';

/** Records of tags that the server has dropped. */
export const TAGS: Readonly<Record<string, Weakened>> = {
  'a tag that is put back although an invalidation has passed': {
    weakening: {
      database: class extends MemoryDatabase {
        protected override isUpToDate(): boolean {
          return true;
        }
      },
    },
    mix: {
      faults: ['record is evicted', 'messages are lost', 'bus is a black hole'],
      faultShare: 0.4,
      faultMs: [100, 1_000],
      how: ['tag'],
      modes: ['delete'],
      writeShare: 0.15,
      gapMs: 20,
      reads: ['read'],
      setting: { keys: INVALIDATED, instances: 3, outbox: false, versions: 1 },
      policy: { ...LASTING, l1Ttl: 150 },
    },
  },
};
