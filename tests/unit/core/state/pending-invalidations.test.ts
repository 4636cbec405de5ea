import { describe, expect, test } from 'bun:test';
import type { Targets } from '../../../../src/core/model/invalidation.ts';
import { ROOT_TAG, toId } from '../../../../src/core/model/key.ts';
import { PendingInvalidations } from '../../../../src/core/state/pending-invalidations.ts';

const key = (...ids: string[]): Targets => ({ ids, tags: [] });
const tag = (...tags: string[]): Targets => ({ ids: [], tags });

describe('what is owed', () => {
  test('covers keys, tags, patterns of one namespace, and everything', () => {
    const covers = (targets: Targets, id: string, tags: string[] = []): boolean => {
      const pending = new PendingInvalidations();
      pending.add(targets, 'delete');
      return pending.undelivered().covers(id, tags);
    };
    expect(covers(key('k'), 'k')).toBe(true);
    expect(covers(key('k'), 'l', ['k'])).toBe(false);
    expect(covers(tag('t'), 'k', ['s', 't'])).toBe(true);
    expect(covers(tag('t'), 't')).toBe(false);
    const pattern: Targets = { ids: [], tags: [], pattern: { namespace: 'n', glob: 'k*' } };
    expect(covers(pattern, toId('n', 'k1'))).toBe(true);
    expect(covers(pattern, 'k1')).toBe(false);
    expect(covers(tag(ROOT_TAG), 'k', [ROOT_TAG])).toBe(true);
  });

  test('is what was owed when it was asked for, whatever is delivered or added later', () => {
    const pending = new PendingInvalidations();
    const order = pending.add(tag('t'), 'delete');
    const undelivered = pending.undelivered();
    pending.settle(order);
    pending.add(key('k'), 'delete');
    expect(undelivered.covers('x', ['t'])).toBe(true);
    expect(undelivered.coversTag('t')).toBe(true);
    expect(undelivered.covers('k', [])).toBe(false);
    expect(pending.undelivered().covers('k', [])).toBe(true);
  });
});

describe('orders', () => {
  test('wait to be repeated only when their maker has left them, in the order in which they were made', () => {
    const pending = new PendingInvalidations();
    const orders = ['a', 'b', 'c'].map((id) => pending.add(key(id), 'delete'));
    expect(pending.waiting()).toEqual([]);
    for (const index of [2, 0]) {
      const order = orders[index];
      if (order !== undefined) pending.leave(order);
    }
    expect(pending.waiting().map(({ targets }) => targets.ids[0])).toEqual(['a', 'c']);
  });

  test('are gone when they are settled, once or twice', () => {
    const pending = new PendingInvalidations();
    const order = pending.add(key('a'), 'delete');
    pending.settle(order);
    pending.settle(order);
    expect(pending.isEmpty).toBe(true);
    expect(pending.summary()).toEqual({ keys: 0, tags: 0, patterns: 0, all: false, outbox: false });
  });

  test('add up in the summary', () => {
    const pending = new PendingInvalidations();
    pending.add({ ids: ['a', 'b'], tags: ['t'], pattern: { namespace: '', glob: '*' } }, 'delete');
    pending.leave(pending.add(tag('u'), 'expire'));
    expect(pending.summary()).toEqual({ keys: 2, tags: 2, patterns: 1, all: false, outbox: false });
  });

  test('become one for everything beyond the limit; those on their way stay as they are', () => {
    const pending = new PendingInvalidations(5);
    const onItsWay = pending.add(key('a', 'b', 'c', 'd', 'e', 'f', 'g'), 'expire');
    pending.leave(pending.add(key('h', 'i'), 'expire'));
    expect(pending.summary()).toMatchObject({ keys: 9, all: false });
    const last = pending.add(tag('t', 'u'), 'expire');
    pending.leave(last);
    expect(pending.summary()).toEqual({ keys: 7, tags: 1, patterns: 0, all: true, outbox: false });
    expect(pending.waiting()).toMatchObject([{ mode: 'delete', targets: { tags: [ROOT_TAG] } }]);
    // What has been swallowed can still be settled by whoever knew it.
    pending.settle(last);
    pending.settle(onItsWay);
    const [everything] = pending.waiting();
    if (everything !== undefined) pending.settle(everything);
    expect(pending.isEmpty).toBe(true);
  });

  test('are bounded however often they collapse and are delivered', () => {
    const pending = new PendingInvalidations(10);
    for (let round = 0; round < 100; round += 1) {
      for (let index = 0; index < 10; index += 1) pending.leave(pending.add(key(`k${index}`), 'delete'));
      expect(pending.waiting().length).toBeLessThanOrEqual(10);
      if (round % 3 === 0) for (const order of pending.waiting()) pending.settle(order);
    }
  });
});
