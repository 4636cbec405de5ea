import { expect, test } from 'bun:test';
import { CircuitBreaker } from '../../../../src/core/primitives/circuit-breaker.ts';
import { HeartbeatSchedule } from '../../../../src/core/sync/heartbeat-schedule.ts';
import { Host, VirtualTime } from '../../../simulation/virtual-time.ts';

function fixture() {
  const time = new VirtualTime();
  const clock = time.clockOf(new Host('here'));
  const breaker = new CircuitBreaker(clock, { next: () => 0, token: () => '' }, () => {});
  return {
    breaker,
    pulse: new HeartbeatSchedule(clock, breaker, 500, 50),
    run: (ms: number) => time.runUntil(time.now + ms),
  };
}

test('a heartbeat that was sent before the breaker opened is no trial of it', () => {
  const { breaker, pulse: schedule, run } = fixture();
  expect(schedule.begin()).toBe(true);
  run(10);
  breaker.trip();
  run(10);
  schedule.answered(20);
  expect(breaker.state).toMatchObject({ kind: 'open', retryAt: 260 });
  expect(schedule.pauseMs(true)).toBe(240);
  run(240);
  expect(schedule.begin()).toBe(true);
  schedule.answered(20);
  expect(breaker.state).toMatchObject({ kind: 'half-open', closesAt: 510 });
});
