import { expect, test } from 'bun:test';
import { until } from '../../../src/testing/until.ts';

test('the first truthy value is the answer', async () => {
  let looks = 0;
  expect(await until(() => ++looks >= 3 && `look ${looks}`, { every: 1, what: 'three looks' })).toBe('look 3');
});

test('a failing condition is not yet fulfilled', async () => {
  let looks = 0;
  const condition = async () => {
    if (++looks < 3) throw new Error('too early');
    return looks;
  };
  expect(await until(condition, { every: 1, what: 'a success' })).toBe(3);
});

test('the deadline names what was waited for and what was seen last', async () => {
  await expect(until(() => 0, { within: 20, what: 'a number' })).rejects.toThrow(
    'waited 20 ms for a number; the last look saw 0',
  );
  const failing = until(() => Promise.reject(new Error('no luck')), { within: 20, what: 'luck' });
  await expect(failing).rejects.toThrow('waited 20 ms for luck; the last look failed with no luck');
});

test('a condition that never answers does not outlast the deadline', async () => {
  const hanging = until(() => new Promise<true>(() => {}), { within: 20, what: 'an answer' });
  await expect(hanging).rejects.toThrow('waited 20 ms for an answer; the condition never answered');
});
