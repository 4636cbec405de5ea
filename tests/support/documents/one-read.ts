/**
 * Reads one key {@link READS} times, each time in the way that the environment names. `entered-files.ts` runs it and
 * counts the lines that ran: a step of the read ran at least as often.
 */
import { setDefaultTimeout, test } from 'bun:test';
import { createTestCache } from '../../../src/testing/index.ts';
import { SERVERS_TIME_LIMIT_MS } from '../time-limit.ts';
import { READ_KIND, READS } from './read-kinds.ts';

setDefaultTimeout(SERVERS_TIME_LIMIT_MS);

const kind = process.env[READ_KIND];

test('reads', async () => {
  await using one = createTestCache({ defaults: { ttl: '1h' } });
  const { cache, clock, l1 } = one;
  const readOf = (key: string): Promise<string> => cache.getOrSet(key, () => 'value', { tags: ['tag'] });
  await clock.settle(cache.ready());
  await clock.settle(readOf('key'));
  for (let read = 0; read < READS; read += 1) {
    if (kind === 'l2') l1.delete('key');
    await clock.settle(readOf(kind === 'miss' ? `key:${read}` : 'key'));
  }
});
