import { describe, expect, test } from 'bun:test';
import { AlertTrack } from '../../../src/service/alerts/alert-track.ts';

/** What a condition brings about that is looked at every second: each sign is a second, `x` bad, `.` well, `?` not to be judged. */
function changes(track: AlertTrack, signs: string, from = 0): string[] {
  return [...signs].flatMap((sign, second) => {
    const change = track.judge(sign === '?' ? undefined : sign === 'x', from + second * 1_000);
    return change === undefined ? [] : [`${change.state}@${from / 1_000 + second}`];
  });
}

describe('an alert', () => {
  test('goes up at once when nothing is to be held, and once for as long as it is bad', () => {
    expect(changes(new AlertTrack(0, 3_000), 'xxxxxx')).toEqual(['firing@0']);
  });

  test('goes up after its condition has held, and tells since when', () => {
    const track = new AlertTrack(2_000, 3_000);
    expect(track.judge(true, 500)).toBeUndefined();
    expect([track.firingSince, track.dueAt]).toEqual([undefined, 2_500]);
    expect(track.judge(true, 2_500)).toEqual({ state: 'firing', since: 500 });
    expect([track.firingSince, track.dueAt]).toEqual([500, Infinity]);
  });

  test('does not go up for what is over before', () => {
    expect(changes(new AlertTrack(2_000, 3_000), 'xx.xx.xx.xx.')).toEqual([]);
  });

  test('comes down after it has been well for long enough, and tells since when', () => {
    const track = new AlertTrack(0, 3_000);
    track.judge(true, 0);
    expect(track.judge(false, 1_000)).toBeUndefined();
    expect([track.firingSince, track.dueAt]).toEqual([0, 4_000]);
    expect(track.judge(false, 4_000)).toEqual({ state: 'resolved', since: 0, until: 1_000 });
    expect([track.firingSince, track.isQuiet]).toEqual([undefined, true]);
  });

  test('stays up through moments that are well', () => {
    expect(changes(new AlertTrack(0, 3_000), 'x..x..x..x...')).toEqual(['firing@0']);
    expect(changes(new AlertTrack(0, 3_000), 'x..x..x..x....')).toEqual(['firing@0', 'resolved@13']);
  });

  test('is neither raised nor ended while it cannot be judged', () => {
    expect(changes(new AlertTrack(2_000, 3_000), 'xx????x.')).toEqual([]);
    expect(changes(new AlertTrack(0, 3_000), 'x.????????..')).toEqual(['firing@0']);
    expect(changes(new AlertTrack(0, 3_000), 'x.????????....')).toEqual(['firing@0', 'resolved@13']);
  });
});

describe('an alert that flaps', () => {
  const cycle = 'x....';

  test('has to be well for twice as long each time', () => {
    const track = new AlertTrack(0, 3_000);
    expect(changes(track, cycle.repeat(4))).toEqual(['firing@0', 'resolved@4', 'firing@5']);
  });

  test('tells of itself a few times an hour, and comes down when it is over', () => {
    const track = new AlertTrack(0, 3_000);
    const told = changes(track, `x${'.'.repeat(29)}`.repeat(120));
    expect(told.length).toBeLessThan(12);
    expect(changes(track, '.'.repeat(301), 3_600_000)).toHaveLength(1);
    expect(track.isQuiet).toBe(true);
  });

  test('is an ordinary one again after ten quiet minutes', () => {
    const track = new AlertTrack(0, 3_000);
    changes(track, cycle.repeat(3));
    changes(track, '.'.repeat(700), 15_000);
    expect(changes(track, 'x....', 900_000)).toEqual(['firing@900', 'resolved@904']);
  });
});
