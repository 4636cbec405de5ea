import { describe, test } from 'bun:test';
import { equal } from 'node:assert/strict';
import { bytesOf, type Entry, type EntryId, type LocalTier } from 'tiercel';
import { createTestCache, localTierContract } from 'tiercel/testing';

// What somebody writes who has an L1 of their own: it is held to the contract, and then used.

/** Keeps what was used since the last two turns; a turn comes with every `size` entries. */
function twoGenerations(size: number): LocalTier {
  let young = new Map<EntryId, Entry>();
  let old = new Map<EntryId, Entry>();
  let evictions = 0;
  const find = (id: EntryId) => young.get(id) ?? old.get(id);
  const remove = (id: EntryId): void => {
    young.delete(id);
    old.delete(id);
  };
  const keep = (id: EntryId, entry: Entry): void => {
    remove(id);
    young.set(id, entry);
    if (young.size < size) return;
    evictions += old.size;
    old = young;
    young = new Map();
  };
  return {
    get(id) {
      const entry = find(id);
      if (entry !== undefined && !young.has(id)) keep(id, entry);
      return entry;
    },
    set: keep,
    delete: remove,
    clear() {
      young.clear();
      old.clear();
    },
    ids: () => [...young.keys(), ...old.keys()],
    usage() {
      const bytes = [...young.values(), ...old.values()].reduce((sum, entry) => sum + bytesOf(entry), 0);
      return { entries: young.size + old.size, bytes, evictions };
    },
  };
}

describe('an L1 of two generations', () => {
  for (const { name, run } of localTierContract(() => twoGenerations(100))) test(name, run);

  test('keeps what is used', async () => {
    const { cache, loader } = createTestCache({ tiers: 'l1', l1: twoGenerations(10) });
    const load = loader(() => 'v');
    for (let turn = 0; turn < 100; turn += 1) {
      await cache.getOrSet('often', load);
      await cache.getOrSet(`once:${turn}`, () => 'v');
    }
    equal(load.calls, 1);
    equal(cache.peek('once:0'), undefined);
  });
});
