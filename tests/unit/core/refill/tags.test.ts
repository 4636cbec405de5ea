import { describe, expect, test } from 'bun:test';
import { numberOf, TagRegistry } from '../../../../src/core/model/tags.ts';
import { Host, VirtualTime } from '../../../simulation/virtual-time.ts';

function registry(limit?: number): { tags: TagRegistry; run: (ms: number) => void } {
  const time = new VirtualTime();
  return { tags: new TagRegistry(time.clockOf(new Host('here')), limit), run: (ms) => time.runUntil(time.now + ms) };
}

const generation = (hard: number, soft = hard) => ({ hard: `e:${hard}`, soft: `e:${soft}` });

describe('a tag in this process', () => {
  test('is one state until an invalidation, and another one after it', () => {
    const { tags } = registry();
    const before = tags.obtain('t');
    expect(tags.obtain('t')).toBe(before);
    expect(tags.invalidate('t', 'delete')).toBe(true);
    expect(before.status).toBe('gone');
    const after = tags.obtain('t');
    expect(after).not.toBe(before);
    expect(after.status).toBe('current');
  });

  test('that no flight has obtained is ended as well, and counts as news', () => {
    const { tags } = registry();
    expect(tags.invalidate('t', 'delete')).toBe(true);
    expect(tags.size).toBe(0);
  });

  test('expires, at a moment that is remembered; a delete afterwards ends what was expired', () => {
    const { tags, run } = registry();
    const state = tags.obtain('t');
    run(7);
    tags.invalidate('t', 'expire');
    expect(state).toMatchObject({ status: 'expired', expiredAt: 7 });
    run(5);
    tags.invalidate('t', 'expire');
    expect(state).toMatchObject({ status: 'expired', expiredAt: 7 });
    tags.invalidate('t', 'delete');
    expect(state.status).toBe('gone');
  });

  test('has one expired state at most: what was expired before the last is gone', () => {
    const { tags } = registry();
    const first = tags.obtain('t');
    tags.invalidate('t', 'expire');
    const second = tags.obtain('t');
    tags.invalidate('t', 'expire');
    expect([first.status, second.status]).toEqual(['gone', 'expired']);
  });

  test('does not end for a message about what it knows already', () => {
    const { tags } = registry();
    const state = tags.obtain('t');
    tags.learn(state, generation(5), Infinity);
    expect(tags.invalidate('t', 'delete', { epoch: 'e', sequence: 5 })).toBe(false);
    expect(tags.invalidate('t', 'expire', { epoch: 'e', sequence: 4 })).toBe(false);
    expect(state.status).toBe('current');
    expect(tags.invalidate('t', 'delete', { epoch: 'e', sequence: 6 })).toBe(true);
    expect(state.status).toBe('gone');
  });

  test('ends for a message of another epoch, whatever its number', () => {
    const { tags } = registry();
    const state = tags.obtain('t');
    tags.learn(state, generation(5), Infinity);
    expect(tags.invalidate('t', 'delete', { epoch: 'f', sequence: 1 })).toBe(true);
    expect(state.status).toBe('gone');
  });

  test('compares a delete with its hard generation and an expire with its soft one', () => {
    const { tags } = registry();
    const state = tags.obtain('t');
    tags.learn(state, generation(3, 8), Infinity);
    expect(tags.invalidate('t', 'expire', { epoch: 'e', sequence: 8 })).toBe(false);
    expect(tags.invalidate('t', 'delete', { epoch: 'e', sequence: 5 })).toBe(true);
    expect(state.status).toBe('gone');
  });

  test('ends what was expired before even for a message that is no news', () => {
    const { tags } = registry();
    const expired = tags.obtain('t');
    tags.invalidate('t', 'expire');
    tags.learn(tags.obtain('t'), generation(9), Infinity);
    expect(tags.invalidate('t', 'delete', { epoch: 'e', sequence: 9 })).toBe(false);
    expect(expired.status).toBe('gone');
  });

  test('stops when a reading says that it has moved', () => {
    for (const [read, status] of [
      [generation(6), 'gone'],
      [generation(5, 6), 'expired'],
    ] as const) {
      const { tags } = registry();
      const state = tags.obtain('t');
      tags.learn(state, generation(5), Infinity);
      tags.learn(state, generation(5), Infinity);
      expect(state.status).toBe('current');
      tags.learn(state, read, Infinity);
      expect(state.status).toBe(status);
    }
  });

  test('knows its generation for as long as L2 keeps it', () => {
    const { tags } = registry();
    expect(tags.peek('t', 0)).toBeUndefined();
    tags.learn(tags.obtain('t'), generation(5), 100);
    expect(tags.peek('t', 99)).toEqual(generation(5));
    expect(tags.peek('t', 100)).toBeUndefined();
  });
});

describe('what is known of tags', () => {
  test('can be forgotten as a whole', () => {
    const { tags } = registry();
    const states = ['a', 'b'].map((tag) => tags.obtain(tag));
    tags.invalidate('b', 'expire');
    tags.clear();
    expect(states.map(({ status }) => status)).toEqual(['gone', 'gone']);
    expect(tags.size).toBe(0);
  });

  test('is bounded: a tag that is forgotten is as good as invalidated', () => {
    const { tags } = registry(3);
    const [a, b] = [tags.obtain('a'), tags.obtain('b')];
    tags.obtain('c');
    tags.obtain('a');
    tags.obtain('d');
    expect(tags.size).toBe(3);
    expect([a.status, b.status]).toEqual(['current', 'gone']);
  });

  test('is bounded for expired tags too', () => {
    const { tags } = registry(2);
    const states = ['a', 'b', 'c'].map((tag) => {
      const state = tags.obtain(tag);
      tags.invalidate(tag, 'expire');
      return state;
    });
    expect(states.map(({ status }) => status)).toEqual(['gone', 'expired', 'expired']);
  });
});

test('a generation is as new as the later of its two numbers, in its own epoch', () => {
  expect(numberOf(generation(5), 'e')).toBe(5);
  expect(numberOf(generation(5, 6), 'e')).toBe(6);
  expect(numberOf({ hard: 'e:5', soft: 'e:7@1700000000000' }, 'e')).toBe(7);
  expect(numberOf(generation(5), 'f')).toBe(Infinity);
  expect(numberOf({ hard: '', soft: '' }, 'e')).toBe(Infinity);
});
