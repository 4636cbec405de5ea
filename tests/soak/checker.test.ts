import { beforeEach, describe, expect, test } from 'bun:test';
import { Checker } from './checker.ts';
import type { ReadRecord } from './records.ts';

const ROW = 'product:1';
const FIRST = 10;
const MAX_LAG_MS = 1_500;

let now = 0;
let checker: Checker;

beforeEach(() => {
  now = 0;
  checker = new Checker(new Map([[ROW, FIRST]]), MAX_LAG_MS, () => now);
});

/** A write by `instance` that takes 10 ms; the first gets version 11 and label 1, and so on. */
function write(instance: string, version: number, pending = false): void {
  const open = checker.beginWrite(ROW);
  now += 10;
  checker.endWrite(open, { instance, row: ROW, version, label: open.label, pending });
}

/** A read by `instance` that takes 10 ms, from L1 unless told otherwise. */
function read(instance: string, version: number, answer: Partial<ReadRecord> = {}): void {
  const open = checker.begin();
  now += 10;
  const rows = [{ row: ROW, version, label: version - FIRST }];
  checker.endRead(open, { instance, view: '/1', rows, tier: 'l1', flagged: false, notInL2: false, ...answer });
}

const broken = () => checker.violations.map(({ invariant }) => invariant);

describe('I1, freshness', () => {
  test('another instance may be behind by D, and no longer', () => {
    write('a', 11);
    now += MAX_LAG_MS;
    read('b', FIRST);
    expect(broken()).toEqual([]);
    expect(checker.maxStalenessMs).toBe(MAX_LAG_MS);
    now += 1;
    read('b', FIRST);
    expect(broken()).toEqual(['I1']);
    read('b', 11);
    expect(broken()).toEqual(['I1']);
  });

  test('it counts from the first write that the read has missed', () => {
    write('a', 11);
    now += MAX_LAG_MS;
    write('a', 12);
    read('b', FIRST);
    expect(broken()).toEqual(['I1']);
  });

  test('a flag excuses nothing: what was invalidated is gone, not stale', () => {
    write('a', 11);
    now += MAX_LAG_MS + 1;
    read('b', FIRST, { flagged: true });
    expect(broken()).toEqual(['I1']);
  });

  test('a write that Redis could not be told of counts from its delivery', () => {
    write('a', 11, true);
    expect(checker.owes('a')).toBe(true);
    now += 10 * MAX_LAG_MS;
    read('b', FIRST);
    expect(broken()).toEqual([]);
    checker.delivered('a', now);
    expect(checker.owes('a')).toBe(false);
    now += MAX_LAG_MS + 1;
    read('b', FIRST);
    expect(broken()).toEqual(['I1']);
  });

  test('a delivery that was asked about before the write says nothing of it', () => {
    const asked = now;
    write('a', 11, true);
    checker.delivered('a', asked);
    expect(checker.owes('a')).toBe(true);
  });

  test('the excerpt tells of the write, the reads and the faults between them', () => {
    write('a', 11);
    checker.note('bus black-holed');
    now += MAX_LAG_MS + 1;
    read('b', FIRST);
    const [violation] = checker.violations;
    expect(violation?.excerpt).toEqual([
      '0.000 s – 0.010 s a wrote product:1 #1 = version 11, acknowledged',
      '0.010 s ---- bus black-holed',
      '1.511 s – 1.521 s b read product:1 #0 = version 10 by /1 from l1',
    ]);
  });
});

describe('I2, read your writes', () => {
  for (const pending of [false, true]) {
    test(`the writer itself is never behind${pending ? ', Redis or not' : ''}`, () => {
      write('a', 11, pending);
      now += 1;
      read('a', FIRST);
      expect(broken()).toEqual(['I2']);
    });
  }

  test('a read that began before the acknowledgement may be', () => {
    const open = checker.begin();
    write('a', 11);
    const rows = [{ row: ROW, version: FIRST, label: 0 }];
    checker.endRead(open, { instance: 'a', view: '/1', rows, tier: 'l1', flagged: false, notInL2: false });
    expect(broken()).toEqual([]);
  });
});

describe('I5, nothing but what was written', () => {
  test('a read of a label that no writer wrote breaks I5', () => {
    read('b', 11);
    expect(broken()).toEqual(['I5']);
  });

  test('one version with two values', () => {
    write('a', 11);
    write('a', 12);
    read('b', 12, { rows: [{ row: ROW, version: 12, label: 1 }] });
    expect(broken()).toEqual(['I5']);
  });
});

describe('I6, no way back', () => {
  test('a later read in the same place returns no older version', () => {
    write('a', 11);
    read('b', 11);
    read('c', FIRST);
    expect(broken()).toEqual([]);
    read('b', FIRST);
    expect(broken()).toEqual(['I6']);
  });

  test('reads that overlap may', () => {
    write('a', 11);
    const open = checker.begin();
    read('b', 11);
    const rows = [{ row: ROW, version: FIRST, label: 0 }];
    checker.endRead(open, { instance: 'b', view: '/1', rows, tier: 'l2', flagged: false, notInL2: false });
    expect(broken()).toEqual([]);
  });

  test('a newer value that did not get into L2 binds no other reader, even if its answer comes last', () => {
    write('a', 11);
    const load = checker.begin();
    read('b', 11);
    read('b', FIRST, { tier: 'l2' });
    const rows = [{ row: ROW, version: 11, label: 1 }];
    checker.endRead(load, { instance: 'b', view: '/1', rows, tier: 'source', flagged: false, notInL2: true });
    expect(broken()).toEqual([]);
  });
});

test('I4: in the end everybody has what the database has', () => {
  write('a', 11);
  checker.expectExactly(new Map([[ROW, 11]]));
  read('a', 11);
  expect(broken()).toEqual([]);
  read('b', FIRST);
  expect(broken()).toEqual(['I4']);
  checker.expectExactly(undefined);
  read('b', FIRST);
  expect(broken()).toEqual(['I4']);
});

test('an operation that fails is a violation, whatever the fault', () => {
  const open = checker.begin();
  checker.fail(open, 'GET /1 by a: was answered 500');
  expect(broken()).toEqual(['no error']);
});

test('a long run keeps counting, and stops keeping', () => {
  for (let version = 11; version < 6_000; version += 1) write('a', version);
  now += MAX_LAG_MS + 1;
  for (let index = 0; index < 500; index += 1) read('b', 5_990);
  expect(checker.violationCount).toBe(500);
  expect(checker.violations).toHaveLength(100);
  expect(checker.violations.filter(({ excerpt }) => excerpt.length > 0)).toHaveLength(5);
});
