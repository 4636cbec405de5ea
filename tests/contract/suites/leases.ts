import { expect, test } from 'bun:test';
import { until } from '../../support/wait.ts';
import { LONG, type MakeHarness, token, twoInstances } from './harness.ts';

/** The right to fill a key, and the right to refresh one that holds a value. */
export function leaseContract(makeHarness: MakeHarness): void {
  test('of two that ask at once, one gets the lease and the other sees it', async () => {
    await using both = await twoInstances(makeHarness);
    const { one, two, generation } = both;
    const [mine, yours] = [token(), token()];
    const answers = await Promise.all([
      one.acquire('a', generation, mine, LONG),
      two.acquire('a', generation, yours, LONG),
    ]);
    const winner = answers[0]?.kind === 'none' ? mine : yours;
    expect(answers).toContainEqual({ kind: 'none' });
    expect(answers).toContainEqual({ kind: 'lease', token: winner });
  });

  test('my own lease, asked for again, is still mine', async () => {
    await using both = await twoInstances(makeHarness);
    const mine = token();
    await both.one.acquire('a', both.generation, mine, LONG);
    expect(await both.one.acquire('a', both.generation, mine, LONG)).toEqual({ kind: 'none' });
  });

  test('reading takes no lease', async () => {
    await using both = await twoInstances(makeHarness);
    expect(await both.one.read('a', both.generation)).toEqual({ kind: 'none' });
    expect(await both.two.acquire('a', both.generation, token(), LONG)).toEqual({ kind: 'none' });
  });

  test('a lease ends by itself, and then another takes it', async () => {
    await using both = await twoInstances(makeHarness);
    const { one, two, generation } = both;
    await one.acquire('a', generation, token(), 40);
    const yours = token();
    expect((await two.acquire('a', generation, yours, LONG)).kind).toBe('lease');
    await until(async () => (await two.acquire('a', generation, yours, LONG)).kind === 'none', { what: 'its end' });
    expect(await one.read('a', generation)).toEqual({ kind: 'lease', token: yours });
  });

  test('renewal extends my lease, and never makes or touches anything else', async () => {
    await using both = await twoInstances(makeHarness);
    const { one, two, generation } = both;
    const mine = token();
    expect(await one.renew('a', generation, mine, LONG)).toBe(false);
    expect(await one.read('a', generation)).toEqual({ kind: 'none' });

    await one.acquire('a', generation, mine, 1_000);
    expect(await two.renew('a', generation, token(), LONG)).toBe(false);
    expect(await one.remaining('a', generation)).toBeLessThanOrEqual(1_000);
    expect(await one.renew('a', generation, mine, LONG)).toBe(true);
    expect(await one.remaining('a', generation)).toBeGreaterThan(1_000);

    const value = await both.put('b', 'v', 1_000);
    expect(await one.renew('b', generation, value, LONG)).toBe(false);
    expect(await one.remaining('b', generation)).toBeLessThanOrEqual(1_000);
  });

  test('release gives back my lease only', async () => {
    await using both = await twoInstances(makeHarness);
    const { one, two, generation } = both;
    const mine = token();
    await one.acquire('a', generation, mine, LONG);
    await two.release('a', generation, token());
    expect(await one.read('a', generation)).toEqual({ kind: 'lease', token: mine });
    await one.release('a', generation, mine);
    expect(await one.read('a', generation)).toEqual({ kind: 'none' });

    const value = await both.put('b', 'v');
    await one.release('b', generation, value);
    expect((await one.read('b', generation)).kind).toBe('value');
  });

  test('one instance may refresh a value, until it gives the claim back', async () => {
    await using both = await twoInstances(makeHarness);
    const { one, two, generation } = both;
    await both.put('a', 'v');
    const [mine, yours] = [token(), token()];
    expect(await one.claimRefresh('a', generation, mine, LONG)).toBe(true);
    expect(await two.claimRefresh('a', generation, yours, LONG)).toBe(false);
    expect((await two.read('a', generation)).kind).toBe('value');
    await two.releaseRefresh('a', generation, yours);
    expect(await two.claimRefresh('a', generation, yours, LONG)).toBe(false);
    await one.releaseRefresh('a', generation, mine);
    expect(await two.claimRefresh('a', generation, yours, LONG)).toBe(true);
  });

  test('a claim ends by itself', async () => {
    await using both = await twoInstances(makeHarness);
    const { one, two, generation } = both;
    await one.claimRefresh('a', generation, token(), 40);
    await until(() => two.claimRefresh('a', generation, token(), LONG), { what: 'the end of the claim' });
  });

  test('leases and claims of another generation are other ones', async () => {
    await using both = await twoInstances(makeHarness);
    await both.one.acquire('a', both.generation, token(), LONG);
    await both.one.claimRefresh('a', both.generation, token(), LONG);
    expect(await both.two.acquire('a', 'another', token(), LONG)).toEqual({ kind: 'none' });
    expect(await both.two.claimRefresh('a', 'another', token(), LONG)).toBe(true);
  });
}
