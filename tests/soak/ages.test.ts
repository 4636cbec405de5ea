import { describe, expect, test } from 'bun:test';
import { Ages, type Change, type Look } from './ages.ts';

const D = 1_500;

const CHANGE: Change = { row: 'product:1', version: 2, at: 10_000, by: 'a', isTold: true };
const LOOK: Look = { row: 'product:1', version: 1, instance: 'b', start: 0, tier: 'l1', flagged: false };

/** How many violations a look of the old version is, so many milliseconds after a change was acknowledged. */
function judged(change: Partial<Change>, look: Partial<Look>, after: number): number {
  const ages = new Ages(D);
  ages.changed({ ...CHANGE, ...change });
  ages.looked({ ...LOOK, ...look, start: CHANGE.at + after });
  return ages.violationCount;
}

describe('an old version is too old', () => {
  test('by another instance after D, if Redis was told', () => {
    expect([judged({}, {}, D), judged({}, {}, D + 1)]).toEqual([0, 1]);
  });

  test('by another instance a second later, if Redis was not told or no instance knew of the change', () => {
    for (const change of [{ isTold: false }, { isTold: false, by: undefined }])
      expect([judged(change, {}, D + 1_000), judged(change, {}, D + 1_001)]).toEqual([0, 1]);
  });

  test('five seconds later, while instances disagree and for what was changed then', () => {
    const ages = new Ages(D);
    ages.disagree();
    const late = { at: Math.ceil(performance.now()) + 1 };
    ages.changed({ ...CHANGE, ...late, isTold: false });
    ages.looked({ ...LOOK, start: late.at + D + 5_000 });
    expect(ages.violationCount).toBe(0);
    ages.looked({ ...LOOK, start: late.at + D + 5_001 });
    expect(ages.violationCount).toBe(1);
  });

  test('at once by the instance that changed it, whether or not Redis was told', () => {
    for (const isTold of [true, false])
      expect([judged({ isTold }, { instance: 'a' }, 0), judged({ isTold }, { instance: 'a' }, 1)]).toEqual([0, 1]);
  });

  test('never, if it is flagged, or not old at all, or of another row', () => {
    for (const look of [{ flagged: true }, { version: 2 }, { row: 'product:2' }])
      expect(judged({}, look, 60_000)).toBe(0);
  });
});

test('what was found is told in words, and counted', () => {
  const ages = new Ages(D);
  ages.changed({ ...CHANGE, isTold: false });
  ages.looked({ ...LOOK, start: CHANGE.at + 3_000 });
  ages.looked({ ...LOOK, start: CHANGE.at + 100, tier: 'l2' });
  expect(ages.violations).toEqual([
    '13.000 s b read product:1 version 1 from l1, 3.000 s after a had changed it to version 2 (acknowledged at 10.000 s, Redis still to be told)',
  ]);
  expect(ages).toMatchObject({ changes: 1, untold: 1, readCount: 2, oldestMs: 3_000, violationCount: 1 });
});
