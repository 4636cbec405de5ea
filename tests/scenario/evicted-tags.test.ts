import { describe, expect, test } from 'bun:test';
import { Fleet, type Member } from '../support/core-fixture.ts';
import { watch } from '../support/watch.ts';
import { Row, race, rule } from './race.ts';

const KEYS = Array.from({ length: 40 }, (_, index) => `hot:${index}`);

/** Counts the loads of all instances. */
class Readers {
  loads = 0;
  readonly #fleet: Fleet;

  constructor(fleet: Fleet) {
    this.#fleet = fleet;
  }

  /** Every member reads every key. */
  read(members: readonly Member[] = this.#fleet.members): void {
    for (const { cache } of members)
      for (const key of KEYS)
        this.#fleet.settle(cache.getOrSet(key, () => (this.loads += 1), { tags: ['shared', `tag of ${key}`] }));
  }

  /** Reads for so long, each key once a second; answers how many loads that took. */
  readFor(seconds: number): number {
    const before = this.loads;
    for (let second = 0; second < seconds; second += 1) {
      this.read();
      moveNumber(this.#fleet);
      this.#fleet.run(1_000);
    }
    return this.loads - before;
  }
}

/** A generation that is made from now on is another one than those that were made before. */
function moveNumber(fleet: Fleet): void {
  fleet.settle(fleet.cache(0).delete('unrelated'));
}

/** What a server at its memory limit does with records that seem unused. */
function evictTags({ server }: Fleet): number {
  const tags = server.names().filter((name) => name.startsWith('tag '));
  for (const name of tags) server.evict(name);
  return tags.length;
}

const started = (): { readonly fleet: Fleet; readonly readers: Readers } => {
  const fleet = new Fleet({ instances: 2, defaults: { ttl: '1h', l1Ttl: '2s' } });
  const readers = new Readers(fleet);
  readers.read();
  expect(readers.loads).toBe(KEYS.length);
  moveNumber(fleet);
  return { fleet, readers };
};

describe('race 57, L2 has dropped the records of the tags in use', () => {
  test('an instance that starts then loads each key once at most, and then no instance loads', () => {
    const { fleet, readers } = started();
    expect(evictTags(fleet)).toBeGreaterThan(KEYS.length);
    fleet.join({ defaults: { ttl: '1h', l1Ttl: '2s' } });
    expect(readers.readFor(10)).toBeLessThanOrEqual(2 * KEYS.length);
    expect(readers.readFor(20)).toBe(0);
  });

  test('instances that remember the tags put them back, and one that starts after that loads nothing', () => {
    const { fleet, readers } = started();
    const dropped = evictTags(fleet);
    expect(readers.readFor(14)).toBe(0);
    expect(fleet.server.names().filter((name) => name.startsWith('tag '))).toHaveLength(dropped);
    fleet.join({ defaults: { ttl: '1h', l1Ttl: '2s' } });
    expect(readers.readFor(10)).toBe(0);
  });

  test('however often they are dropped', () => {
    const { fleet, readers } = started();
    for (let round = 0; round < 5; round += 1) {
      evictTags(fleet);
      expect(readers.readFor(4)).toBe(0);
    }
  });

  test('a plain get asks L2 as well before it takes a value for void', () => {
    const { fleet } = started();
    evictTags(fleet);
    const { cache } = fleet.join({});
    fleet.settle(cache.getOrSet('other', () => 'value', { tags: ['shared'] }));
    expect(fleet.settle(fleet.cache(0).get<string>('other'))).toBe('value');
  });

  test('an entry that a tag has ended is void without another question', () => {
    const fleet = new Fleet({ instances: 2 });
    fleet.settle(fleet.cache(0).getOrSet('k', () => 'old', { tags: ['t'] }));
    fleet.settle(fleet.cache(1).invalidate({ tags: ['t'] }));
    fleet.run(10);
    const { calls } = fleet.member(0);
    calls.length = 0;
    expect(fleet.settle(fleet.cache(0).getOrSet('k', () => 'new', { tags: ['t'] }))).toBe('new');
    const reads = calls.filter(({ operation, names }) => operation === 'tagGenerations' && names.includes('t'));
    expect(reads).toHaveLength(1);
  });

  race(
    'race 57, a tag is ended, L2 drops its record, and an instance that has not heard of it puts it back',
    rule('a tag that is put back although an invalidation has passed'),
    (start) => {
      // So long that nothing is unproven before the record is touched.
      const fleet = start({ instances: 2, maxLag: '10s', defaults: { ttl: '1h', l1Ttl: '1s' } });
      const row = new Row();
      const read = (index: number) => fleet.settle(fleet.cache(index).getOrSet('k', row.read, { tags: ['t'] }));
      read(0);
      read(1);
      // Its record is due to be touched again.
      fleet.run(10_100);
      const late = fleet.hold('message', 'i1.bus');
      row.value = 'new';
      fleet.settle(fleet.cache(0).invalidate({ tags: ['t'] }));
      evictTags(fleet);
      watch(fleet.cache(1).getOrSet('k', row.read, { tags: ['t'] }));
      fleet.run(2_000);
      late.open();
      fleet.run(10);
      return fleet.settle(fleet.join({}).cache.getOrSet('k', row.read, { tags: ['t'] }));
    },
  );
});
