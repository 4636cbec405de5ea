import type { MemoryOutboxTable } from '../../../src/adapters/memory/index.ts';
import type { Outbox, OutboxRow } from '../../../src/core/ports/outbox.ts';
import type { Heartbeat, RemoteTier } from '../../../src/core/ports/remote-tier.ts';
import { OutboxRecorder, type RecordOrder } from '../../../src/core/state/outbox-recorder.ts';
import { type Judgement, Recovery } from '../../../src/core/sync/recovery.ts';
import { overriding } from '../../../src/testing/chaos/overriding.ts';
import { INVALIDATED, LASTING, type Weakened } from './weakening.ts';

/** A database whose changes are all written down. */
const RECORDED = { keys: INVALIDATED, outbox: true } as const;

/** Data come back as they were some time ago, with values that were ended since. */
const RESTARTING = {
  faults: ['server restarts from before', 'server fails over'],
  faultShare: 0.02,
  faultMs: [100, 2_000],
  writeShare: 0.15,
  gapMs: 10,
  setting: RECORDED,
  policy: LASTING,
} as const;

/** The same while orders without a change of a row are hard to write down. */
const RECORDING_BADLY = {
  ...RESTARTING,
  faults: [...RESTARTING.faults, 'outbox fails to write', 'outbox is slow to write'],
  faultShare: 0.04,
  // One write at a time: the next one of the same key would hide that one was lost.
  writeShare: 0.03,
  how: ['key'],
  modes: ['delete'],
  outsideShare: 0,
  claimedShare: 0,
} as const;

/** Nobody reaches L2 for longer than D, while writers go on. */
export const CUT_OFF = {
  faults: ['everybody is cut off', 'server stands'],
  faultShare: 0.02,
  faultMs: [3_000, 6_000],
  writeShare: 0.15,
  gapMs: 40,
  setting: { ...RECORDED, pendingWithin: 1_000, settleMs: 0 },
  policy: LASTING,
} as const;

/** Reads the data of before before they are repaired, though removed values may be there again. */
class ReadingAnotherEpoch extends Recovery {
  override async judge(heartbeat: Heartbeat, hasAsked: boolean, tier: RemoteTier): Promise<Judgement> {
    const judgement = await super.judge(heartbeat, hasAsked, tier);
    const { epoch, generation, last } = heartbeat;
    if (judgement.session !== undefined || generation !== undefined || last === undefined) return judgement;
    return { session: { epoch, generation: last.generation }, isRepaired: false, answersFlagged: true };
  }
}

/** What a database remembers for those who did not live to tell, and how L2 is repaired from it. */
export const OUTBOX: Readonly<Record<string, Weakened>> = {
  'a relay that asks for the numbers after the last one': {
    weakening: { outbox: pollingByNumber },
    mix: {
      faults: [],
      outsideShare: 1,
      writeShare: 0.1,
      gapMs: 2,
      reads: ['read'],
      setting: { ...RECORDED, sourceLatency: [1, 120] },
      policy: LASTING,
    },
  },

  'rows that are marked before L2 has acknowledged them': {
    weakening: {
      outbox: (outbox) =>
        overriding<Outbox>(outbox, {
          undelivered: async (which) => {
            const rows = await outbox.undelivered(which);
            if (rows.length > 0) await outbox.settle(rows.map(({ id }) => id));
            return rows;
          },
        }),
    },
    mix: {
      faults: ['data is cut', 'process crashes'],
      faultShare: 0.05,
      outsideShare: 1,
      writeShare: 0.1,
      gapMs: 10,
      setting: RECORDED,
      policy: LASTING,
    },
  },

  'entries of before that are believed without a repair': {
    weakening: {
      collaborators: {
        Recovery: class extends Recovery {
          override async judge(heartbeat: Heartbeat, hasAsked: boolean, tier: RemoteTier): Promise<Judgement> {
            const { epoch, generation, last, time: since, marksRequested: mark } = heartbeat;
            if (generation === undefined && last !== undefined)
              await tier.adoptGeneration({ epoch, generation: last.generation, since, withinMs: Infinity, mark });
            return super.judge(heartbeat, hasAsked, tier);
          }
        },
      },
    },
    mix: RESTARTING,
  },

  'a repair that knows only undelivered changes': {
    weakening: { outbox: (outbox) => overriding<Outbox>(outbox, { delivered: async () => [] }) },
    mix: RESTARTING,
  },

  'an invalidation without a change of a row that is not written down': {
    weakening: {
      outbox: (outbox) => overriding<Outbox>(outbox, { record: async (orders) => orders.map(() => 'nowhere') }),
    },
    mix: RESTARTING,
  },

  'an order that only L2 has acknowledged is forgotten': {
    weakening: {
      outbox: (outbox) =>
        overriding<Outbox>(outbox, {
          record: (orders) => outbox.record(orders).catch(() => orders.map(() => 'nowhere')),
        }),
    },
    mix: RECORDING_BADLY,
  },

  'a row that counts as delivered because L2 had acknowledged its order before it was committed': {
    weakening: {
      collaborators: {
        OutboxRecorder: class extends OutboxRecorder {
          override acknowledge(order: RecordOrder): void {
            void order.written.then((isWritten) => isWritten && super.acknowledge(order));
          }

          override heartbeat(): void {}
        },
      },
    },
    mix: RECORDING_BADLY,
  },

  'an outage that ends without a mark': {
    weakening: {
      collaborators: {
        Recovery: class extends Recovery {
          override wantsMark(): boolean {
            return false;
          }

          override missed(): void {}
        },
      },
    },
    mix: CUT_OFF,
  },

  'an L2 that is read unrepaired in another epoch': {
    weakening: { collaborators: { Recovery: ReadingAnotherEpoch } },
    mix: {
      faults: ['server restarts from before', 'source fails'],
      faultMs: [300, 3_000],
      faultShare: 0.03,
      writeShare: 0.15,
      gapMs: 10,
      modes: ['delete'],
      how: ['key'],
      setting: { keys: INVALIDATED, instances: 2, outbox: true },
      policy: { ...LASTING, staleIfError: 20_000 },
    },
  },

  'any mark, also one of an earlier return': {
    weakening: {
      collaborators: {
        Recovery: class extends Recovery {
          override async judge(heartbeat: Heartbeat, hasAsked: boolean, tier: RemoteTier): Promise<Judgement> {
            const judgement = await super.judge(heartbeat, hasAsked, tier);
            const isRepaired =
              judgement.isRepaired || (heartbeat.marksCompleted > 0 && judgement.session !== undefined);
            return { ...judgement, isRepaired };
          }
        },
      },
    },
    mix: CUT_OFF,
  },
};

/** Rows in the order of their numbers, each once: who commits late with an early number is never seen. */
function pollingByNumber(outbox: Outbox, table: MemoryOutboxTable): Outbox {
  let last = 0;
  const unseen = async (): Promise<readonly OutboxRow[]> => {
    await outbox.undelivered('due');
    const rows = table.beyond(last);
    last = rows.at(-1)?.number ?? last;
    return rows;
  };
  return overriding<Outbox>(outbox, { undelivered: unseen });
}
