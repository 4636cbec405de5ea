import { describe, expect, setDefaultTimeout, test } from 'bun:test';
import { Redis } from 'ioredis';
import type { CacheEvent } from '../../src/core/model/events.ts';
import { Proof } from '../../src/core/state/proof.ts';
import { until } from '../../src/testing/until.ts';
import { isInUse, startLibraryPair, type Weakening } from '../soak/library-pair.ts';
import { startRedis } from '../support/redis-server.ts';
import { isBus } from '../support/redis-wire.ts';

setDefaultTimeout(30_000);

const MAX_LAG_MS = 600;
/** How long the reader is asked after the write: several times D. */
const WATCHED_MS = 4 * MAX_LAG_MS;
const JUNK = 'x'.repeat(64 * 1_024);
/** 60 MB; Redis itself puts up with 32. */
const MESSAGES = 960;

/** What a reader did that stopped reading its subscription. */
interface Overflow {
  /** It was asked so often, and served the old value so often when that was older than D. */
  readonly reads: number;
  readonly tooOld: number;
  /** Of the reader, each kind once. */
  readonly events: ReadonlySet<CacheEvent['type']>;
  /** What it answered when it was in step again, and when nobody asked Redis or the source. */
  readonly inTheEnd: readonly unknown[];
}

/** Fills the subscription of a reader that does not read until Redis gives it up, then lets it read again. */
async function overflow(weakening: Weakening): Promise<Overflow> {
  await using owner = new AsyncDisposableStack();
  const redis = owner.use(await startRedis());
  const admin = new Redis(redis.url);
  owner.defer(() => admin.disconnect());
  const events = new Set<CacheEvent['type']>();
  const observers = [({ type }: CacheEvent) => events.add(type)];
  const { writer, reader, read, write } = await startLibraryPair(owner, redis.url, MAX_LAG_MS, {
    ...weakening,
    observers,
  });
  await read(reader, 'row');

  const channels = (await admin.pubsub('CHANNELS', '*:bus')) as string[];
  const subscribers = async () =>
    String(await admin.call('CLIENT', 'LIST', 'TYPE', 'pubsub'))
      .trim()
      .split('\n');
  const before = await subscribers();
  const full = reader.link.impose({ hold: true }, { where: isBus, direction: 'toClient' });
  // The writer hears all of it, and is to have the time for it.
  for (let count = 0; count < MESSAGES; count += 1) await admin.publish(channels[0] ?? '', JUNK);
  await until(async () => (await subscribers()).length < before.length, {
    what: 'Redis to give the reader up',
    within: 20_000,
  });
  await until(() => isInUse(writer.cache), { what: 'the writer to be well' });

  await write('row');
  const writtenAt = performance.now();
  let reads = 0;
  let tooOld = 0;
  while (performance.now() - writtenAt < WATCHED_MS) {
    const asked = performance.now();
    if ((await read(reader, 'row')) === 0 && asked - writtenAt > MAX_LAG_MS) tooOld += 1;
    reads += 1;
    await Bun.sleep(5);
  }
  full.lift();
  await until(() => isInUse(reader.cache) && reader.cache.health().l1.healthy, { what: 'the reader to be in step' });
  const inTheEnd = [await read(reader, 'row'), reader.cache.peek('row')];
  return { reads, tooOld, events, inTheEnd };
}

describe('a subscriber that does not read while 60 MB are published', () => {
  test('serves nothing that is older than D, and begins anew', async () => {
    const { reads, tooOld, events, inTheEnd } = await overflow({});
    expect(reads).toBeGreaterThan(100);
    expect(tooOld).toBe(0);
    for (const event of ['l1_suspended', 'bus_resync', 'l1_resumed'] as const) expect([...events]).toContain(event);
    expect(inTheEnd).toEqual([1, 1]);
  });

  test('serves the old value if it trusts a proof for ever: the test can fail', async () => {
    class EternalProof extends Proof {
      override isProven(): boolean {
        return true;
      }
    }
    expect((await overflow({ collaborators: { Proof: EternalProof } })).tooOld).toBeGreaterThan(0);
  });
});
