import { describe, expect, spyOn, test } from 'bun:test';
import { MemoryServer } from '../../../src/adapters/memory/index.ts';
import type { RemoteListener } from '../../../src/core/ports/remote-tier.ts';
import { overriding } from '../../../src/testing/chaos/overriding.ts';
import { CACHE } from '../../../src/testing/contracts/harness.ts';
import { chaosRemoteTier, TestClock } from '../../../src/testing/index.ts';
import { watch } from '../../support/watch.ts';

const unavailable = { name: 'RemoteError', failure: 'unavailable' };

async function started() {
  const clock = new TestClock();
  const server = new MemoryServer({ clock });
  const l2 = chaosRemoteTier(server.remoteTier(), { clock });
  const heard: string[] = [];
  l2.start(
    {
      onConnect: () => heard.push('connected'),
      onDisconnect: () => heard.push('disconnected'),
      onAlarm: () => heard.push('alarm'),
    },
    CACHE,
  );
  await clock.advance(0);
  const acquire = (id: string) => l2.acquire(id, 'g', `token of ${id}`, 60_000);
  return { clock, server, l2, heard, acquire };
}

/** A tier that shows who listens to it. */
function silentTier() {
  let listener: RemoteListener | undefined;
  const tier = overriding(new MemoryServer().remoteTier(), {
    start(given) {
      listener = given;
    },
  });
  return { tier, listener: () => listener };
}

describe('an L2 with faults', () => {
  test.each(['unavailable', 'denied', 'full', 'invalid', 'error'] as const)(
    'fails as %s until that is lifted',
    async (failure) => {
      const { l2, acquire } = await started();
      const fault = l2.fail(failure);
      await expect(acquire('a')).rejects.toMatchObject({ name: 'RemoteError', failure });
      await expect(l2.heartbeat('i', 'n')).rejects.toMatchObject({ failure });
      fault.lift();
      expect(await acquire('a')).toEqual({ kind: 'none' });
      expect(fault.strikes).toBe(2);
    },
  );

  test('fails with an error of one’s own', async () => {
    const { l2, acquire } = await started();
    const own = new Error('of the driver');
    l2.fail(own);
    await expect(acquire('a')).rejects.toBe(own);
  });

  test('fails so many times, and for chosen operations', async () => {
    const { l2, acquire } = await started();
    l2.fail('full', { only: ['acquire', 'fill'], times: 2 });
    await l2.read('a', 'g');
    await expect(acquire('a')).rejects.toMatchObject({ failure: 'full' });
    await expect(acquire('a')).rejects.toMatchObject({ failure: 'full' });
    expect(await acquire('a')).toEqual({ kind: 'none' });
  });

  test('fails by chance, the same way each time', async () => {
    const courses = [];
    for (let run = 0; run < 2; run += 1) {
      const { l2 } = await started();
      l2.fail('error', { probability: 0.3 });
      const calls = Array.from({ length: 200 }, () =>
        l2.read('a', 'g').then(
          () => '.',
          () => 'x',
        ),
      );
      courses.push((await Promise.all(calls)).join(''));
    }
    expect(courses[0]).toBe(courses[1] ?? '');
    const failed = courses[0]?.replaceAll('.', '').length ?? 0;
    expect(failed).toBeGreaterThan(40);
    expect(failed).toBeLessThan(80);
  });

  test('fails for so long', async () => {
    const { clock, l2, acquire } = await started();
    l2.fail('unavailable', { lasts: '30s' });
    await clock.advance(29_999);
    await expect(acquire('a')).rejects.toMatchObject(unavailable);
    await clock.advance(1);
    expect(await acquire('a')).toEqual({ kind: 'none' });
  });

  test('fails after the effect, so that its caller does not know of it', async () => {
    const { l2, acquire } = await started();
    l2.fail('unavailable', { only: 'acquire', stage: 'reply' });
    await expect(acquire('a')).rejects.toMatchObject(unavailable);
    expect(await l2.read('a', 'g')).toEqual({ kind: 'lease', token: 'token of a' });
  });

  test('hangs, and goes on where it was', async () => {
    const { clock, l2, acquire } = await started();
    const before = l2.hang({ only: 'acquire' });
    const first = watch(acquire('a'));
    await clock.advance('30s');
    expect(first.state).toBe('pending');
    expect(await l2.read('a', 'g')).toEqual({ kind: 'none' });
    before.lift();
    await clock.advance(0);
    expect(first.value()).toEqual({ kind: 'none' });

    l2.hang({ only: 'acquire', stage: 'reply' });
    const second = watch(acquire('b'));
    await clock.advance('30s');
    expect(second.state).toBe('pending');
    expect(await l2.read('b', 'g')).toEqual({ kind: 'lease', token: 'token of b' });
    l2.heal();
    await clock.advance(0);
    expect(second.value()).toEqual({ kind: 'none' });
  });

  test('takes longer, and then may fail: one fault after the other', async () => {
    const { clock, l2, acquire } = await started();
    l2.delay('80ms');
    l2.delay(20);
    l2.fail('denied', { only: 'read' });
    const [slow, slowAndWrong] = [watch(acquire('a')), watch(l2.read('a', 'g'))];
    await clock.advance(99);
    expect([slow.state, slowAndWrong.state]).toEqual(['pending', 'pending']);
    await clock.advance(1);
    expect(slow.value()).toEqual({ kind: 'none' });
    expect(() => slowAndWrong.value()).toThrow('denied');
  });

  test('can be cut off: what is under way fails, what comes is refused, and it comes back', async () => {
    const { clock, l2, heard, acquire } = await started();
    l2.hang();
    const underWay = watch(acquire('a'));
    await clock.advance(0);
    l2.disconnect();
    await clock.advance(0);
    expect(() => underWay.value()).toThrow('was cut');
    await expect(l2.read('a', 'g')).rejects.toMatchObject(unavailable);
    expect(heard).toEqual(['connected', 'disconnected']);
    l2.heal();
    expect(heard).toEqual(['connected', 'disconnected', 'connected']);
    expect(await l2.read('a', 'g')).toEqual({ kind: 'none' });
  });

  test('says nothing of a server that comes and goes while it is cut', async () => {
    const { clock, server, l2, heard } = await started();
    l2.disconnect();
    server.stop();
    l2.reconnect();
    expect(heard).toEqual(['connected', 'disconnected']);
    server.restart({ keepData: true });
    await clock.advance(0);
    expect(heard).toEqual(['connected', 'disconnected', 'connected']);
  });

  test('leaves alone what is no call, also while it is cut', async () => {
    const { server } = await started();
    const tier = server.remoteTier('other');
    const l2 = chaosRemoteTier(tier);
    l2.disconnect();
    l2.fail();
    const reset = spyOn(tier, 'reset');
    expect([l2.system, l2.reset()]).toEqual(['memory', undefined]);
    expect(reset).toHaveBeenCalledTimes(1);
  });

  test('hands on what it is not concerned with', () => {
    const heard: string[] = [];
    const { tier, listener } = silentTier();
    const l2 = chaosRemoteTier(tier);
    l2.start({ onConnect() {}, onDisconnect() {}, onAlarm: ({ message }) => heard.push(message) }, CACHE);
    listener()?.onAlarm(new Error('wrong password'));
    expect(heard).toEqual(['wrong password']);
  });

  test('counts calls, those that fail included, and not its own upkeep', async () => {
    const { l2, acquire } = await started();
    await Promise.all([acquire('a'), acquire('b'), l2.heartbeat('i', 'n')]);
    l2.fail();
    await acquire('c').catch(() => {});
    expect([l2.count(), l2.count('acquire'), l2.count('heartbeat'), l2.count('fill')]).toEqual([3, 3, 1, 0]);
    l2.forgetCounts();
    expect(l2.count()).toBe(0);
  });

  test.each([
    ['times', { times: 0 }],
    ['times', { times: Number.NaN }],
    ['probability', { probability: 0 }],
    ['probability', { probability: 1.1 }],
    ['lasts', { lasts: -1 }],
  ])('refuses an impossible %s', async (option, scope) => {
    const { l2 } = await started();
    expect(() => l2.fail('error', scope)).toThrow(expect.objectContaining({ code: 'INVALID_OPTION', option }));
  });
});
