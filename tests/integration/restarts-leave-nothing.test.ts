import { expect, setDefaultTimeout, test } from 'bun:test';
import { Redis } from 'ioredis';
import { redis } from '../../src/adapters/redis/index.ts';
import { connect, LONG, token } from '../../src/testing/contracts/harness.ts';
import { sharedRedis, uniqueNamespace } from '../support/redis-server.ts';

setDefaultTimeout(60_000);

const RESTARTS = 10;
const ENTRIES = 2_000;

test('ten generations of entries without an end leave as many keys as one', async () => {
  const url = await sharedRedis();
  const namespace = uniqueNamespace();
  const { tier } = await connect(redis(url, { namespace }).l2);
  const admin = new Redis(url);
  const keysOf = async (): Promise<number> => {
    let cursor = '0';
    let count = 0;
    do {
      const [next, found] = await admin.scan(cursor, 'MATCH', `{${namespace}.0}:*`, 'COUNT', 5_000);
      count += found.length;
      cursor = next;
    } while (cursor !== '0');
    return count;
  };
  const { epoch } = await tier.heartbeat('test', token());
  let agreed = '';
  const counts: number[] = [];
  for (let restart = 0; restart < RESTARTS; restart += 1) {
    // To what lies there, another generation is what a restart is.
    agreed = (await tier.agreeGeneration(epoch, token(), agreed)).generation;
    const body = JSON.stringify({ restart });
    await Promise.all(
      Array.from({ length: ENTRIES }, async (_, index) => {
        const lease = token();
        const id = `k${index}`;
        await tier.acquire(id, agreed, lease, LONG);
        const expected = { kind: 'lease', token: lease } as const;
        await tier.fill({ id, generation: agreed, expected, token: token(), body, age: 0, keepFor: Infinity });
      }),
    );
    let cursor: string | undefined;
    do {
      const step = await tier.sweepOthers({ epoch, generation: agreed }, 'holder', cursor);
      if (step.kind !== 'done') throw new Error(`The step was ${step.kind}`);
      cursor = step.cursor;
    } while (cursor !== undefined);
    counts.push(await keysOf());
  }
  // The entries, the history, and a note for each sweep, which ends by itself.
  expect(Math.max(...counts)).toBeLessThanOrEqual(ENTRIES + 1 + RESTARTS);
  for (const key of await admin.keys(`{${namespace}.0}:sweep:*`)) expect(await admin.pttl(key)).toBeGreaterThan(0);
  admin.disconnect();
  await tier.close();
});
