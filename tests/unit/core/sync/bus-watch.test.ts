import { expect, test } from 'bun:test';
import { BusWatch } from '../../../../src/core/sync/bus-watch.ts';

const SILENCE_MS = 1_250;
const EVERY_MS = 500;

test('a subscription on which three heartbeats have not come back is replaced', () => {
  const watch = new BusWatch(SILENCE_MS);
  const verdicts = [0, 1, 2, 3].map((beat) => watch.answered(beat * EVERY_MS));
  expect(verdicts).toEqual([false, false, false, true]);
});

test('one on which a heartbeat has come back is not', () => {
  const watch = new BusWatch(SILENCE_MS);
  for (let beat = 0; beat < 20; beat += 1) {
    expect(watch.answered(beat * EVERY_MS)).toBe(false);
    if (beat % 3 === 2) watch.heard();
  }
});

test('time in which no heartbeat was sent says nothing', () => {
  const watch = new BusWatch(SILENCE_MS);
  watch.answered(0);
  // A rest, and a process that stood.
  expect(watch.answered(15_000)).toBe(false);
  watch.heard();
  expect(watch.answered(60_000)).toBe(false);
});

test('heartbeats in quick succession do not make a slow subscription a silent one', () => {
  const watch = new BusWatch(SILENCE_MS);
  for (let beat = 0; beat < 100; beat += 1) expect(watch.answered(beat * 10)).toBe(false);
});
