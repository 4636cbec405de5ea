import { describe, expect, test } from 'bun:test';
import fc from 'fast-check';
import { DURATION_SLOTS, slotOf, startOfSlot } from '../../../src/service/http/duration-histogram.ts';
import { AnswerTimes, timed } from '../../../src/service/http/response-times.ts';

describe('the slots of durations', () => {
  test('follow each other, each beginning where the one before ends', () => {
    const starts = Array.from({ length: DURATION_SLOTS }, (_, slot) => startOfSlot(slot));
    expect(starts.toSorted((a, b) => a - b)).toEqual(starts);
    expect(starts.map(slotOf)).toEqual([...starts.keys()]);
    expect(DURATION_SLOTS).toBe(272);
  });

  test('begin at most a sixteenth, or an eighth of a millisecond, below what they hold', () => {
    fc.assert(
      fc.property(fc.double({ min: 0, max: 130_000, noNaN: true }), (ms) => {
        const start = startOfSlot(slotOf(ms));
        expect(start).toBeLessThanOrEqual(ms);
        expect(ms - start).toBeLessThanOrEqual(Math.max(ms / 16, 1 / 8));
      }),
    );
  });

  test('take whatever comes', () => {
    expect([-1, 0, Number.NaN].map(slotOf)).toEqual([0, 0, 0]);
    expect([Infinity, 1e12].map(slotOf)).toEqual([271, 271]);
  });
});

describe('the times of answers', () => {
  test('of which one in a hundred is slow have a fast 99th percentile, and of which two are a slow one', () => {
    const times = new AnswerTimes(6);
    for (let answer = 0; answer < 99; answer++) times.add(10);
    times.add(2_000);
    expect(times.reading(0.99)).toEqual({ answers: 100, ms: 10 });
    times.add(2_000);
    expect(times.reading(0.99).ms).toBeWithin(1_875, 2_001);
  });

  test('count those that were there at once', () => {
    const times = new AnswerTimes(6);
    times.add(2_000);
    for (let answer = 0; answer < 1_000; answer++) times.addImmediate();
    expect(times.reading(0.99)).toEqual({ answers: 1_001, ms: 0 });
  });

  test('are forgotten part by part', () => {
    const times = new AnswerTimes(3);
    const counts: number[] = [];
    for (let part = 0; part < 6; part++) {
      if (part < 2) times.add(5);
      counts.push(times.reading(0.99).answers);
      times.rotate();
    }
    expect(counts).toEqual([1, 2, 2, 1, 0, 0]);
  });
});

test('of thousands of answers that are waited for, some stand for all', async () => {
  let reads = 0;
  const times = new AnswerTimes(2);
  const answer = Promise.resolve(new Response());
  const clock = { now: () => ++reads };
  const handle = timed(() => answer, times, clock);
  const context = { request: new Request('http://localhost/'), params: {} };
  for (let part = 0; part < 2; part++) {
    times.rotate();
    reads = 0;
    for (let count = 0; count < 5_000; count++) handle(context);
    await answer;
    expect(reads).toBe(2 * (1_000 + 4_000 / 8));
  }
  expect(times.reading(1).answers).toBe(10_000);
});

describe('a timed handler', () => {
  const context = { request: new Request('http://localhost/'), params: {} };

  test('hands on what is there at once, without looking at the clock', () => {
    const times = new AnswerTimes(1);
    const answer = new Response();
    const clock = {
      now: () => {
        throw new Error('the clock was read');
      },
    };
    expect(timed(() => answer, times, clock)(context)).toBe(answer);
    expect(times.reading(1)).toEqual({ answers: 1, ms: 0 });
  });

  test('counts how long an answer or a refusal was waited for, and hands on the same promise', async () => {
    let now = 0;
    const times = new AnswerTimes(1);
    for (const end of ['resolve', 'reject'] as const) {
      const { promise, ...settle } = Promise.withResolvers<Response>();
      const answer = timed(() => promise, times, { now: () => now })(context);
      expect(answer).toBe(promise);
      now += 512;
      settle[end](new Response());
      await promise.catch(() => {});
    }
    expect(times.reading(0.01)).toEqual({ answers: 2, ms: 512 });
  });
});
