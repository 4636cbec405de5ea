import { deepEqual, equal, ok } from 'node:assert/strict';
import { isDeepStrictEqual } from 'node:util';
import { until } from '../../until.ts';
import { contains, isAbove, isAtMost } from '../checks.ts';
import type { AddTest } from '../contract.ts';
import { LONG, type MakeHarness, orderOf, token, twoInstances } from '../harness.ts';

/** The life of a lease that another program has written. */
const DAY = 24 * 60 * 60 * 1_000;

/** The longest lease that an instance with other options may have. */
const LONGEST_ELSEWHERE = 29_000;

/** Checks leases, which grant one instance the fill of a key, and claims, which grant it the refresh of a value. */
export function leaseContract(test: AddTest, makeHarness: MakeHarness): void {
  test('of two that ask at once, one gets the lease and the other sees it', async () => {
    await using both = await twoInstances(makeHarness);
    const { one, two, generation } = both;
    const [mine, yours] = [token(), token()];
    const answers = await Promise.all([
      one.acquire('a', generation, mine, LONG),
      two.acquire('a', generation, yours, LONG),
    ]);
    const winner = answers[0]?.kind === 'none' ? mine : yours;
    ok(answers.some((each) => isDeepStrictEqual(each, { kind: 'none' })));
    ok(answers.some((each) => isDeepStrictEqual(each, { kind: 'lease', token: winner })));
  });

  test('my own lease, asked for again, is still mine', async () => {
    await using both = await twoInstances(makeHarness);
    const mine = token();
    await both.one.acquire('a', both.generation, mine, LONG);
    deepEqual(await both.one.acquire('a', both.generation, mine, LONG), { kind: 'none' });
  });

  test('reading takes no lease', async () => {
    await using both = await twoInstances(makeHarness);
    deepEqual(await both.one.read('a', both.generation), { kind: 'none' });
    deepEqual(await both.two.acquire('a', both.generation, token(), LONG), { kind: 'none' });
  });

  test('a lease ends by itself, and then another takes it', async () => {
    await using both = await twoInstances(makeHarness);
    const { one, two, generation } = both;
    await one.acquire('a', generation, token(), 40);
    const yours = token();
    equal((await two.acquire('a', generation, yours, LONG)).kind, 'lease');
    await until(async () => (await two.acquire('a', generation, yours, LONG)).kind === 'none', { what: 'its end' });
    deepEqual(await one.read('a', generation), { kind: 'lease', token: yours });
  });

  for (const free of [2, 40]) {
    test(`${free + 3} keys asked for at once are each as if asked for alone`, async () => {
      await using both = await twoInstances(makeHarness);
      const { one, two, generation } = both;
      const { time } = await one.heartbeat('one', token());
      const [mine, yours] = [token(), token()];
      const value = await both.put('value', 'v');
      await two.acquire('theirs', generation, yours, LONG);
      const names = Array.from({ length: free }, (_, index) => `free ${index}`);
      const ids = ['value', ...names, 'theirs', 'ended'];
      const answers = await one.acquireMany(ids, generation, mine, LONG, time);
      equal(answers.length, ids.length);
      contains(answers[0], { kind: 'value' });
      const [held] = answers;
      equal(held !== undefined && 'kind' in held && held.kind === 'value' ? held.value.token : undefined, value);
      for (const answer of answers.slice(1, -2)) deepEqual(answer, { kind: 'none' });
      deepEqual(answers.at(-2), { kind: 'lease', token: yours });
      deepEqual(await two.read(names[0] ?? '', generation), { kind: 'lease', token: mine });
      isAtMost(await two.remaining(names[0] ?? '', generation), LONG);
      const fill = { generation, token: token(), body: 'v', age: 0, keepFor: LONG };
      equal(await one.fill({ ...fill, id: names.at(-1) ?? '', expected: { kind: 'lease', token: mine } }), true);
      equal(await one.fill({ ...fill, id: 'theirs', expected: { kind: 'lease', token: mine } }), false);
    });
  }

  test('a lease that was long on its way counts from when it was asked for, and one that came too late is none', async () => {
    await using both = await twoInstances(makeHarness);
    const { one, two, generation } = both;
    const { time } = await one.heartbeat('one', token());
    equal((await one.acquire('a', generation, token(), LONG, time - LONG / 2)).kind, 'none');
    isAtMost(await one.remaining('a', generation), LONG / 2);
    equal((await two.acquire('a', generation, token(), LONG)).kind, 'lease');
    const late = token();
    equal((await one.acquire('b', generation, late, 1_000, time - 1_001)).kind, 'none');
    equal((await one.read('b', generation)).kind, 'none');
    const fill = { id: 'b', generation, token: token(), body: 'v', age: 0, keepFor: LONG };
    equal(await one.fill({ ...fill, expected: { kind: 'lease', token: late } }), false);
    equal((await two.acquire('b', generation, token(), LONG)).kind, 'none');
  });

  test('a lease that lasts longer than any honest one is given the length of one, and another is left alone', async () => {
    await using both = await twoInstances(makeHarness);
    const { one, two, generation } = both;
    const { time } = await one.heartbeat('one', token());
    for (const id of ['alone', 'a', 'b']) await one.acquire(id, generation, token(), DAY);
    await one.acquire('honest', generation, token(), LONGEST_ELSEWHERE);
    equal((await two.acquire('alone', generation, token(), 5_000)).kind, 'lease');
    const ids = ['a', 'b', 'honest'];
    for (const answer of await two.acquireMany(ids, generation, token(), 5_000, time))
      contains(answer, { kind: 'lease' });
    equal((await two.acquire('honest', generation, token(), 5_000)).kind, 'lease');
    for (const id of ['alone', 'a', 'b']) isAtMost(await one.remaining(id, generation), 5_000);
    isAbove(await one.remaining('honest', generation), 5_000);
  });

  test('a value is left alone where its reader asks for the lease', async () => {
    await using both = await twoInstances(makeHarness);
    const { two, generation } = both;
    const { time } = await two.heartbeat('two', token());
    await both.put('a', 'v', DAY);
    await two.acquire('a', generation, token(), 5_000);
    await two.acquireMany(['a', 'b'], generation, token(), 5_000, time);
    isAbove(await two.remaining('a', generation), DAY / 2);
  });

  test('a claim that lasts longer than any honest one is given the length of one', async () => {
    await using both = await twoInstances(makeHarness);
    const { one, two, generation } = both;
    await both.put('a', 'v');
    equal(await one.claimRefresh('a', generation, token(), DAY), 'granted');
    const yours = token();
    equal(await two.claimRefresh('a', generation, yours, 40), 'taken');
    await until(async () => (await two.claimRefresh('a', generation, yours, 40)) === 'granted', { what: 'its end' });
  });

  test('renewal extends my lease, and never makes or touches anything else', async () => {
    await using both = await twoInstances(makeHarness);
    const { one, two, generation } = both;
    const mine = token();
    equal(await one.renew('a', generation, mine, LONG), false);
    deepEqual(await one.read('a', generation), { kind: 'none' });

    await one.acquire('a', generation, mine, 1_000);
    equal(await two.renew('a', generation, token(), LONG), false);
    isAtMost(await one.remaining('a', generation), 1_000);
    equal(await one.renew('a', generation, mine, LONG), true);
    isAbove(await one.remaining('a', generation), 1_000);

    const value = await both.put('b', 'v', 1_000);
    equal(await one.renew('b', generation, value, LONG), false);
    isAtMost(await one.remaining('b', generation), 1_000);
  });

  test('release gives back my lease only', async () => {
    await using both = await twoInstances(makeHarness);
    const { one, two, generation } = both;
    const mine = token();
    await one.acquire('a', generation, mine, LONG);
    await two.release('a', generation, token());
    deepEqual(await one.read('a', generation), { kind: 'lease', token: mine });
    await one.release('a', generation, mine);
    deepEqual(await one.read('a', generation), { kind: 'none' });

    const value = await both.put('b', 'v');
    await one.release('b', generation, value);
    equal((await one.read('b', generation)).kind, 'value');
  });

  test('one instance may refresh a value, until it gives the claim back', async () => {
    await using both = await twoInstances(makeHarness);
    const { one, two, generation } = both;
    await both.put('a', 'v');
    const [mine, yours] = [token(), token()];
    equal(await one.claimRefresh('a', generation, mine, LONG), 'granted');
    equal(await two.claimRefresh('a', generation, yours, LONG), 'taken');
    equal((await two.read('a', generation)).kind, 'value');
    await two.releaseRefresh('a', generation, yours);
    equal(await two.claimRefresh('a', generation, yours, LONG), 'taken');
    await one.releaseRefresh('a', generation, mine);
    equal(await two.claimRefresh('a', generation, yours, LONG), 'granted');
  });

  test('renewal extends my claim, and never makes or touches anything else', async () => {
    await using both = await twoInstances(makeHarness);
    const { one, two, generation } = both;
    await both.put('a', 'v', 1_000);
    const [mine, yours] = [token(), token()];
    equal(await one.renewRefresh('a', generation, mine, LONG), false);
    equal(await one.claimRefresh('a', generation, mine, 200), 'granted');
    equal(await two.renewRefresh('a', generation, yours, LONG), false);
    equal(await one.renewRefresh('a', generation, mine, LONG), true);
    isAtMost(await one.remaining('a', generation), 1_000);
    // A record that certainly ends later than the claim would have without its renewal.
    await both.put('clock', 'v', 250);
    await until(async () => (await one.read('clock', generation)).kind === 'none', { what: 'the later end' });
    equal(await two.claimRefresh('a', generation, yours, LONG), 'taken');
  });

  test('a claim ends by itself', async () => {
    await using both = await twoInstances(makeHarness);
    const { one, two, generation } = both;
    await one.claimRefresh('a', generation, token(), 40);
    await until(async () => (await two.claimRefresh('a', generation, token(), LONG)) === 'granted', {
      what: 'the end of the claim',
    });
  });

  for (const outcome of ['failed', 'not-stored'] as const) {
    test(`a lease whose load ended as ${outcome} becomes a note of that, which grants nothing`, async () => {
      await using both = await twoInstances(makeHarness);
      const { one, two, generation } = both;
      const { time } = await one.heartbeat('one', token());
      const mine = token();
      await one.acquire('a', generation, mine, LONG);
      const note = { id: 'a', generation, of: 'lease', outcome, keepFor: LONG / 2 } as const;
      await two.leaveOutcome({ ...note, token: token() });
      deepEqual(await two.read('a', generation), { kind: 'lease', token: mine });
      await one.leaveOutcome({ ...note, token: mine });
      const answer = { kind: 'outcome', outcome } as const;
      deepEqual(await two.acquire('a', generation, token(), LONG), answer);
      deepEqual(await one.acquire('a', generation, mine, LONG), answer);
      deepEqual((await two.acquireMany(['a', 'b'], generation, token(), LONG, time))[0], answer);
      deepEqual(await two.read('a', generation), answer);
      isAtMost(await two.remaining('a', generation), LONG / 2);
      // A call that the holder sent earlier no longer finds the lease.
      equal(await one.renew('a', generation, mine, LONG), false);
      await one.release('a', generation, mine);
      const fill = { id: 'a', generation, token: token(), body: 'v', age: 0, keepFor: LONG };
      equal(await one.fill({ ...fill, expected: { kind: 'lease', token: mine } }), false);
      deepEqual(await two.read('a', generation), answer);
    });

    test(`a claim whose refresh ended as ${outcome} becomes a note of that, and the value stays`, async () => {
      await using both = await twoInstances(makeHarness);
      const { one, two, generation } = both;
      await both.put('a', 'v');
      const mine = token();
      await one.claimRefresh('a', generation, mine, LONG);
      const note = { id: 'a', generation, of: 'claim', outcome, keepFor: LONG } as const;
      await two.leaveOutcome({ ...note, token: token() });
      equal(await two.claimRefresh('a', generation, token(), LONG), 'taken');
      await one.leaveOutcome({ ...note, token: mine });
      equal(await two.claimRefresh('a', generation, token(), LONG), outcome);
      equal(await one.claimRefresh('a', generation, mine, LONG), outcome);
      equal((await two.read('a', generation)).kind, 'value');
    });
  }

  test('a note of how a load ended lapses by itself', async () => {
    await using both = await twoInstances(makeHarness);
    const { one, two, generation } = both;
    await both.put('b', 'v');
    const mine = token();
    await one.acquire('a', generation, mine, LONG);
    await one.claimRefresh('b', generation, mine, LONG);
    const note = { generation, token: mine, outcome: 'failed', keepFor: 40 } as const;
    await one.leaveOutcome({ ...note, id: 'a', of: 'lease' });
    await one.leaveOutcome({ ...note, id: 'b', of: 'claim' });
    await until(async () => (await two.acquire('a', generation, token(), LONG)).kind === 'none', { what: 'its end' });
    await until(async () => (await two.claimRefresh('b', generation, token(), LONG)) === 'granted', {
      what: 'the end of the note of a claim',
    });
  });

  test('an invalidation of the key removes the note of how a load ended, and a value that is set takes its place', async () => {
    await using both = await twoInstances(makeHarness);
    const { one, two, session, generation } = both;
    const mine = token();
    for (const id of ['a', 'b', 'c']) {
      await one.acquire(id, generation, mine, LONG);
      await one.leaveOutcome({ id, generation, of: 'lease', token: mine, outcome: 'failed', keepFor: LONG });
    }
    await two.invalidate(orderOf(['a']), session);
    await two.invalidate(orderOf(['b'], [], 'expire'), session);
    for (const id of ['a', 'b']) deepEqual(await one.acquire(id, generation, token(), LONG), { kind: 'none' });
    const write = { id: 'c', session, origin: 'two', token: token(), body: 'v', keepFor: LONG } as const;
    equal((await two.write({ ...write, version: 1 })).kind, 'done');
    equal((await one.read('c', generation)).kind, 'value');
  });

  test('leases and claims of another generation are other ones', async () => {
    await using both = await twoInstances(makeHarness);
    await both.one.acquire('a', both.generation, token(), LONG);
    await both.one.claimRefresh('a', both.generation, token(), LONG);
    deepEqual(await both.two.acquire('a', 'another', token(), LONG), { kind: 'none' });
    equal(await both.two.claimRefresh('a', 'another', token(), LONG), 'granted');
  });
}
