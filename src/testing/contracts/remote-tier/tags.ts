import { deepEqual, equal, notDeepEqual, notEqual } from 'node:assert/strict';
import { type EntryId, namespaceTag } from '../../../core/model/key.ts';
import type { TagGeneration } from '../../../core/model/tags.ts';
import type { RemoteTier } from '../../../core/ports/remote-tier.ts';
import { until } from '../../until.ts';
import type { AddTest } from '../contract.ts';
import { LONG, type MakeHarness, orderOf, token, twoInstances } from '../harness.ts';

/** Checks the generations of tags. */
export function tagContract(test: AddTest, makeHarness: MakeHarness): void {
  test('a missing generation is made under the present number, once for all', async () => {
    await using both = await twoInstances(makeHarness);
    const { one, two, session, generation } = both;
    const { sequence } = await one.heartbeat('one', token());
    const id = `${session.epoch}:${sequence}`;
    const made = await one.tagGenerations(['t', 'u'], generation, LONG);
    deepEqual(made, [
      { hard: id, soft: id },
      { hard: id, soft: id },
    ]);
    await one.invalidate(orderOf(['elsewhere']), session);
    deepEqual(await two.tagGenerations(['u', 't'], generation, LONG), [...made]);
    deepEqual(await two.tagGenerations([], generation, LONG), []);
    deepEqual(await tagOf(two, 'new', generation), {
      hard: `${session.epoch}:${sequence + 1}`,
      soft: `${session.epoch}:${sequence + 1}`,
    });
  });

  test('deleting by tag moves both parts to the number of the invalidation', async () => {
    await using both = await twoInstances(makeHarness);
    const { one, two, session, generation } = both;
    const before = await tagOf(one, 't', generation);
    const untouched = await tagOf(one, 'u', generation);
    const done = await two.invalidate(orderOf([], ['t']), session);
    if (done.kind !== 'done') throw new Error(done.kind);
    const id = `${session.epoch}:${done.sequence}`;
    deepEqual(await tagOf(one, 't', generation), { hard: id, soft: id });
    notEqual(id, before.hard);
    deepEqual(await tagOf(one, 'u', generation), untouched);
  });

  test('expiring by tag moves the soft part alone, which tells when', async () => {
    await using both = await twoInstances(makeHarness);
    const { one, two, session, generation } = both;
    const before = await tagOf(one, 't', generation);
    const { time } = await one.heartbeat('one', token());
    const done = await two.invalidate(orderOf([], ['t'], 'expire'), session);
    if (done.kind !== 'done') throw new Error(done.kind);
    const { hard, soft } = await tagOf(one, 't', generation);
    equal(hard, before.hard);
    const [id, expiredAt] = soft.split('@');
    equal(id, `${session.epoch}:${done.sequence}`);
    const late = Number(expiredAt) - time;
    equal(late >= 0 && late < 60_000, true, `the moment of the expiry is ${late} ms after a heartbeat before it`);
  });

  test('a missing tag that is invalidated stays missing, and then becomes a generation that no instance has seen', async () => {
    await using both = await twoInstances(makeHarness);
    const { one, two, session, generation } = both;
    for (const mode of ['delete', 'expire'] as const) {
      const done = await two.invalidate(orderOf([], [mode], mode), session);
      if (done.kind !== 'done') throw new Error(done.kind);
      const id = `${session.epoch}:${done.sequence}`;
      deepEqual(await tagOf(one, mode, generation), { hard: id, soft: id });
    }
  });

  test('a generation that ran out before an invalidation comes back as another one', async () => {
    await using both = await twoInstances(makeHarness);
    const { one, session, generation } = both;
    const before = await tagOf(one, 't', generation, 20);
    const fresh = async () => {
      await one.invalidate(orderOf(['elsewhere']), session);
      return (await tagOf(one, 't', generation, 20)).hard !== before.hard;
    };
    await until(fresh, { what: 'the end of the generation', every: 40 });
  });

  test('asking again keeps a generation for longer, and an invalidation never for shorter', async () => {
    await using both = await twoInstances(makeHarness);
    const { one, session, generation } = both;
    const [asked, moved] = [await tagOf(one, 'asked', generation, 60), await tagOf(one, 'moved', generation, LONG)];
    await tagOf(one, 'asked', generation, LONG);
    const done = await one.invalidate(orderOf([], ['moved'], 'expire'), session);
    if (done.kind !== 'done') throw new Error(done.kind);
    // A record that certainly ends later than 60 ms.
    await both.put('clock', 'v', 120);
    await until(async () => (await one.read('clock', generation)).kind === 'none', { what: 'the later end' });
    await one.invalidate(orderOf(['elsewhere']), session);
    deepEqual(await tagOf(one, 'asked', generation), asked);
    equal((await tagOf(one, 'moved', generation)).hard, moved.hard);
  });

  test('a missing generation comes back as it is remembered, while no invalidation has passed since', async () => {
    await using both = await twoInstances(makeHarness);
    const { one, two, session, generation } = both;
    const { sequence } = await one.heartbeat('one', token());
    const remembered = { hard: `${session.epoch}:7`, soft: `${session.epoch}:9@5`, keepFor: LONG };
    const known = { epoch: session.epoch, sequence, generations: [remembered, undefined] };
    const [back, made] = await one.tagGenerations(['t', 'u'], generation, 20, known);
    deepEqual(back, { hard: remembered.hard, soft: remembered.soft });
    deepEqual(made, { hard: `${session.epoch}:${sequence}`, soft: `${session.epoch}:${sequence}` });
    // A record that exists stays as it is, even when an instance remembers another generation.
    const other = { ...known, generations: [{ ...remembered, hard: `${session.epoch}:1` }] };
    deepEqual(await two.tagGenerations(['t'], generation, LONG, other), [back]);
    // It keeps the end that it was given.
    await both.put('clock', 'v', 60);
    await until(async () => (await one.read('clock', generation)).kind === 'none', { what: 'a later end' });
    await one.invalidate(orderOf(['elsewhere']), session);
    deepEqual(await tagOf(two, 't', generation), back);
  });

  test('a missing generation is a new one where an invalidation has passed, or the memory is of another epoch', async () => {
    await using both = await twoInstances(makeHarness);
    const { one, two, session, generation } = both;
    const { epoch } = session;
    const { sequence } = await one.heartbeat('one', token());
    const generations = [{ hard: `${epoch}:7`, soft: `${epoch}:7`, keepFor: LONG }];
    const done = await two.invalidate(orderOf([], ['t']), session);
    if (done.kind !== 'done') throw new Error(done.kind);
    const fresh = { hard: `${epoch}:${done.sequence}`, soft: `${epoch}:${done.sequence}` };
    deepEqual(await one.tagGenerations(['t'], generation, LONG, { epoch, sequence, generations }), [fresh]);
    const elsewhere = { epoch: 'f'.repeat(16), sequence: done.sequence, generations };
    deepEqual(await one.tagGenerations(['u'], generation, LONG, elsewhere), [fresh]);
  });

  test('tags that look alike, and those of another generation, are other tags', async () => {
    await using both = await twoInstances(makeHarness);
    const { one, two, session, generation } = both;
    const tags = ['a:b:c', '\u0001a\u0001b:c', '\u0001a:b\u0001c', namespaceTag('a'), '{a}', '*', 'ä'];
    const before = await one.tagGenerations(tags, generation, LONG);
    const elsewhere = await tagOf(one, 'a:b:c', 'another');
    await two.invalidate(orderOf([], ['a:b:c']), session);
    const after = await one.tagGenerations(tags, generation, LONG);
    deepEqual(after.slice(1), before.slice(1));
    notDeepEqual(after[0], before[0]);
    deepEqual(await tagOf(one, 'a:b:c', 'another'), elsewhere);
  });

  test('a tag and a key of one name do not meet', async () => {
    await using both = await twoInstances(makeHarness);
    const { one, session, generation } = both;
    await both.put('same', 'v');
    const before = await tagOf(one, 'same', generation);
    await one.invalidate(orderOf(['same']), session);
    deepEqual(await tagOf(one, 'same', generation), before);
    await both.put('same', 'v');
    await one.invalidate(orderOf([], ['same']), session);
    equal((await one.read('same', generation)).kind, 'value');
  });
}

async function tagOf(tier: RemoteTier, tag: EntryId, generation: string, keepFor = LONG): Promise<TagGeneration> {
  const [found] = await tier.tagGenerations([tag], generation, keepFor);
  if (found === undefined) throw new Error('no generation was answered');
  return found;
}
