import { expect } from 'bun:test';
import type { Answer } from './asking.ts';
import type { Diary } from './diary.ts';

/** No answer without Redis takes longer. */
export const LONGEST_MS = 500;
/** How soon after the acknowledgement of a change nobody is shown what was before: D. */
export const MAX_LAG_MS = 1_500;
/** How an operator is told that Redis is away. */
export const ALERT = 'Redis cache unavailable. Running in database-only mode.';

/** Whoever asks while Redis is away gets an answer, in time and without an error. */
export function expectUnnoticed(answers: readonly Answer[]): void {
  expect(answers.filter(({ status }) => status !== 200).map(({ text }) => text)).toEqual([]);
  expect(Math.max(...answers.map(({ ms }) => ms))).toBeLessThan(LONGEST_MS);
}

/** Waits until every instance uses Redis again and has been warmed, and checks that each has said all of it once. */
export async function expectOneOutage(diary: Diary): Promise<void> {
  for (const event of ['redis_cache_restored', 'cache_warmed']) await diary.everybody(event);
  for (const event of ['redis_fallback_mode_enabled', 'redis_cache_restored', 'cache_warmed']) {
    expect([event, ...diary.counts(event)]).toEqual([event, ...diary.counts(event).map(() => 1)]);
  }
  for (const [line] of diary.lines('redis_fallback_mode_enabled')) expect(line?.msg).toBe(ALERT);
}
