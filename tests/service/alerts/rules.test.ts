import { describe, expect, test } from 'bun:test';
import type { AlertName } from '../../../src/service/alerts/alert.ts';
import { AlertBoard } from '../../../src/service/alerts/alert-board.ts';
import { durationInWords, percentInWords } from '../../../src/service/alerts/in-words.ts';
import { ALERT_RULES } from '../../../src/service/alerts/rules.ts';
import type { Snapshot } from '../../../src/service/alerts/snapshot.ts';
import { WELL } from './snapshots.ts';

/** The alerts whose condition is bad in a snapshot that is well but for this. */
function bad(parts: Partial<Snapshot>): AlertName[] {
  const snapshot = { ...WELL, ...parts };
  return ALERT_RULES.filter((rule) => rule.judge(snapshot).isBad).map(({ alert }) => alert);
}

describe('the rules', () => {
  test('find nothing where all is well', () => expect(bad({})).toEqual([]));

  const conditions: readonly [AlertName, within: Partial<Snapshot>, beyond: Partial<Snapshot>][] = [
    ['redis_unavailable', {}, { isRedisDown: true }],
    ['source_unavailable', {}, { isSourceDown: true }],
    ['bus_unproven', {}, { isL1Suspended: true }],
    ['hit_ratio_low', { lookups: { answers: 1_000, hitRatio: 0.8 } }, { lookups: { answers: 1_000, hitRatio: 0.799 } }],
    ['latency_high', { requests: { answers: 500, p99Ms: 500 } }, { requests: { answers: 500, p99Ms: 501 } }],
    ['relay_late', { relay: { lagMs: 5_000, healthy: true } }, { relay: { lagMs: 5_001, healthy: true } }],
    ['relay_late', { relay: { lagMs: undefined, healthy: true } }, { relay: { lagMs: undefined, healthy: false } }],
    [
      'redis_memory_high',
      { redisMemory: { usedBytes: 899, limitBytes: 1_000, evictionPolicy: 'noeviction' } },
      { redisMemory: { usedBytes: 900, limitBytes: 1_000, evictionPolicy: 'noeviction' } },
    ],
  ];

  test.each(conditions)('%s begins at its bound', (alert, within, beyond) => {
    expect(bad(within)).toEqual([]);
    expect(bad(beyond)).toEqual([alert]);
  });

  test('judge no ratio of too little traffic', () => {
    expect(bad({ lookups: { answers: 999, hitRatio: 0 }, requests: { answers: 499, p99Ms: 60_000 } })).toEqual([]);
  });

  test('have nothing to say of what is not there', () => {
    expect(bad({ relay: undefined, redisMemory: undefined, lookups: undefined })).toEqual([]);
    expect(bad({ redisMemory: { usedBytes: 10 ** 12, limitBytes: Infinity, evictionPolicy: 'noeviction' } })).toEqual(
      [],
    );
    expect(bad({ redisMemory: { usedBytes: 10 ** 12, limitBytes: 0, evictionPolicy: 'noeviction' } })).toEqual([]);
  });

  test('take a cache that may drop any key for full by design, and tell when it does drop some', () => {
    const redisMemory = { usedBytes: 1_000, limitBytes: 1_000, evictionPolicy: 'allkeys-lru' };
    expect(bad({ redisMemory })).toEqual([]);
    expect(bad({ redisMemory, isEvicting: true })).toEqual(['redis_memory_high']);
    expect(bad({ redisMemory: { ...redisMemory, evictionPolicy: 'volatile-lru' } })).toEqual(['redis_memory_high']);
  });

  test('say in one sentence what is wrong, since when, and what to do', () => {
    const texts = ALERT_RULES.map(({ firing, threshold }) => firing(threshold, '12:03:20 UTC'));
    expect(texts[0]).toBe('Redis cache unavailable. Running in database-only mode.');
    for (const text of texts.slice(1)) {
      expect(text).toMatch(/^[^.]+ since 12:03:20 UTC[^.]*(?:\. [^.]*)?\.$/);
      expect(text).toContain(';');
    }
  });

  test('have names of their own, and are explained by those before them', () => {
    const names = ALERT_RULES.map(({ alert }) => alert);
    expect(new Set(names).size).toBe(names.length);
    for (const [index, { explainedBy }] of ALERT_RULES.entries()) {
      for (const alert of explainedBy) expect(names.slice(0, index)).toContain(alert);
    }
  });
});

describe('the board', () => {
  const everything: Partial<Snapshot> = {
    isL1Suspended: true,
    relay: { lagMs: 60_000, healthy: true },
    lookups: { answers: 10_000, hitRatio: 0.1 },
  };

  /** Alerts that went up or came down in the given seconds. */
  function run(board: AlertBoard, parts: Partial<Snapshot>, fromS: number, toS: number): string[] {
    const told: string[] = [];
    for (let second = fromS; second < toS; second++) {
      const changes = board.assess({ ...WELL, ...parts }, second * 1_000);
      told.push(...changes.map(({ rule, change }) => `${rule.alert} ${change.state}`));
    }
    return told;
  }

  test('raises one alert for one cause', () => {
    const board = new AlertBoard();
    expect(run(board, { ...everything, isRedisDown: true }, 0, 600)).toEqual(['redis_unavailable firing']);
    expect(run(board, {}, 600, 610)).toEqual(['redis_unavailable resolved']);
    expect(board.firing).toEqual([]);
  });

  test('raises each where there is no such cause', () => {
    const told = run(new AlertBoard(), everything, 0, 600);
    expect(told).toEqual(['bus_unproven firing', 'relay_late firing', 'hit_ratio_low firing']);
  });

  test('leaves an alert up while what explains it lasts', () => {
    const board = new AlertBoard();
    run(board, everything, 0, 600);
    expect(run(board, { isRedisDown: true }, 600, 1_200)).toEqual(['redis_unavailable firing']);
    expect(board.firing).toHaveLength(4);
  });

  test('knows when it has to be asked again', () => {
    const board = new AlertBoard();
    expect(board.dueAt).toBe(Infinity);
    board.assess({ ...WELL, isL1Suspended: true, isSourceDown: false }, 1_000);
    expect(board.dueAt).toBe(11_000);
  });
});

test('ratios are cut and not rounded, durations are in the unit that suits', () => {
  expect([0.799, 0.8, 0].map(percentInWords)).toEqual(['79 %', '80 %', '0 %']);
  expect([900, 42_000, 720_000, 7_300_000].map(durationInWords)).toEqual(['1 s', '42 s', '12 min', '2 h']);
});
