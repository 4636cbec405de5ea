import { describe, expect, test } from 'bun:test';
import { PeriodicTask } from '../../../../src/core/primitives/periodic-task.ts';
import { Host, VirtualTime } from '../../../simulation/virtual-time.ts';
import { watch } from '../../../support/watch.ts';

/** Steps of so many milliseconds, with as long a pause between two. */
function repeating(stepMs = 0, pauseMs = 500) {
  const time = new VirtualTime();
  const clock = time.clockOf(new Host('here'));
  const beganAt: number[] = [];
  const steps = new PeriodicTask(clock, async () => {
    beganAt.push(time.now);
    if (stepMs > 0) await new Promise<void>((resume) => void clock.after(stepMs, resume));
    return pauseMs;
  });
  const run = (ms: number): void => time.runUntil(time.now + ms);
  return { time, steps, beganAt, run };
}

describe('a step that repeats', () => {
  test('comes at once, and again after its pause', () => {
    const { steps, beganAt, run } = repeating(100);
    steps.start();
    run(1_500);
    expect(beganAt).toEqual([0, 600, 1_200]);
  });

  test('comes earlier when it is woken', () => {
    const { steps, beganAt, run } = repeating();
    steps.start();
    run(200);
    steps.wake();
    run(400);
    expect(beganAt).toEqual([0, 200]);
  });

  test('that was woken meanwhile is followed by another', () => {
    const { steps, beganAt, run } = repeating(100);
    steps.start();
    run(50);
    steps.wake();
    run(100);
    expect(beganAt).toEqual([0, 110]);
  });

  test('is never woken more often than every 10 ms', () => {
    const { steps, beganAt, run } = repeating();
    steps.start();
    for (let call = 0; call < 100; call += 1) {
      steps.wake();
      run(1);
    }
    expect(beganAt.length).toBeLessThanOrEqual(11);
  });

  test('is the last one when it is closed', () => {
    const { steps, beganAt, run } = repeating(100);
    steps.start();
    run(650);
    const closed = watch(steps.close());
    run(0);
    expect([closed.state, steps.isClosed]).toEqual(['pending', true]);
    run(100);
    steps.wake();
    run(1_000);
    expect([closed.state, beganAt]).toEqual(['fulfilled', [0, 600]]);
  });
});
