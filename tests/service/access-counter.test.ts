import { drainMicrotasks } from 'bun:jsc';
import { describe, expect, test } from 'bun:test';
import type { RowCount } from '../../src/catalog/queries.ts';
import { AccessCounter } from '../../src/service/warming/read-counter.ts';
import { Host, VirtualTime } from '../simulation/virtual-time.ts';
import { watch } from '../support/watch.ts';

const PERIOD_MS = 10_000;

/** A counter over a database that answers as the test says. */
class Bench {
  readonly time = new VirtualTime();
  readonly written: { readonly at: number; readonly counts: readonly RowCount[] }[] = [];
  readonly lines: string[] = [];
  answer: (counts: readonly RowCount[]) => Promise<readonly number[]> = async () => [];
  readonly counter = new AccessCounter({
    write: (counts) => {
      this.written.push({ at: this.time.now, counts });
      return this.answer(counts);
    },
    log: {
      warn: (line: { readonly event: string }) => void this.lines.push(line.event),
      info: (line: { readonly event: string }) => void this.lines.push(line.event),
    } as never,
    clock: this.time.clockOf(new Host('here')),
  });

  read(row: number, times = 1): void {
    for (let time = 0; time < times; time += 1) this.counter.add(row);
  }

  pass(ms: number): void {
    this.time.runUntil(this.time.now + ms);
    drainMicrotasks();
  }

  counts(index: number): Record<number, number> {
    return Object.fromEntries(this.written[index]?.counts ?? []);
  }
}

describe('reads', () => {
  test('are written together, ten seconds after the first of them, in the order of the ids', () => {
    const bench = new Bench();
    bench.read(7, 3);
    bench.pass(9_000);
    bench.read(2);
    bench.read(7);
    bench.pass(999);
    expect(bench.written).toEqual([]);
    bench.pass(1);
    expect(bench.written).toEqual([
      {
        at: PERIOD_MS,
        counts: [
          [2, 1],
          [7, 4],
        ],
      },
    ]);
    bench.pass(100_000);
    expect(bench.written).toHaveLength(1);
    bench.read(7);
    bench.pass(PERIOD_MS);
    expect(bench.counts(1)).toEqual({ 7: 1 });
  });

  test('of very many rows are written early, in pieces; what finds no room meanwhile is not counted', () => {
    const bench = new Bench();
    const held = Promise.withResolvers<readonly number[]>();
    bench.answer = () => held.promise;
    for (let row = 1; row <= 10_001; row += 1) bench.read(row);
    expect(bench.written.map(({ at, counts }) => [at, counts.length])).toEqual([[0, 1_000]]);
    for (let row = 20_000; row < 31_000; row += 1) bench.read(row);
    bench.read(20_000);
    bench.answer = async () => [];
    held.resolve([]);
    bench.pass(0);
    expect(bench.written).toHaveLength(10);
    bench.pass(PERIOD_MS);
    const rows = bench.written.flatMap(({ counts }) => counts);
    expect(rows).toHaveLength(20_000);
    expect(new Map(rows).get(20_000)).toBe(2);
    expect(new Map(rows).has(30_999)).toBe(false);
  });

  test('of rows that could not be counted just now are counted next time', () => {
    const bench = new Bench();
    bench.answer = async () => [2];
    bench.read(1, 5);
    bench.read(2, 5);
    bench.pass(PERIOD_MS);
    bench.read(2);
    bench.answer = async () => [];
    bench.pass(PERIOD_MS);
    expect(bench.counts(1)).toEqual({ 2: 6 });
    expect(bench.lines).toEqual([]);
  });

  test('outlast a database that fails, which is said once, and so is its end', () => {
    const bench = new Bench();
    bench.answer = () => Promise.reject(new Error('away'));
    bench.read(1, 2);
    bench.pass(PERIOD_MS);
    bench.read(1);
    bench.pass(4 * PERIOD_MS);
    expect(bench.written.length).toBe(5);
    expect(bench.lines).toEqual(['access_counts_failed']);
    bench.answer = async () => [];
    bench.pass(PERIOD_MS);
    expect(bench.counts(5)).toEqual({ 1: 3 });
    bench.pass(10 * PERIOD_MS);
    expect(bench.written).toHaveLength(6);
    expect(bench.lines).toEqual(['access_counts_failed', 'access_counts_written']);
  });
});

describe('the end', () => {
  test('writes what is left, after what is under way, and counts no more', () => {
    const bench = new Bench();
    const held = Promise.withResolvers<readonly number[]>();
    bench.answer = () => held.promise;
    bench.read(1);
    bench.pass(PERIOD_MS);
    bench.read(2);
    const closing = watch(bench.counter.close());
    bench.read(3);
    expect(bench.written).toHaveLength(1);
    bench.answer = async () => [];
    held.resolve([]);
    bench.pass(0);
    expect(closing.state).toBe('fulfilled');
    expect(bench.written.map(({ counts }) => counts)).toEqual([[[1, 1]], [[2, 1]]]);
    bench.pass(PERIOD_MS);
    expect(bench.written).toHaveLength(2);
  });

  test('waits neither for a database that hangs nor tries again with one that fails', () => {
    const hanging = new Bench();
    hanging.answer = () => new Promise(() => {});
    hanging.read(1);
    const closing = watch(hanging.counter.close());
    hanging.pass(1_999);
    expect(closing.state).toBe('pending');
    hanging.pass(1);
    expect(closing.state).toBe('fulfilled');

    const failing = new Bench();
    failing.answer = () => Promise.reject(new Error('away'));
    failing.read(1);
    const closed = watch(failing.counter.close());
    failing.pass(0);
    expect(closed.state).toBe('fulfilled');
    failing.pass(100_000);
    expect(failing.written).toHaveLength(1);
  });
});
