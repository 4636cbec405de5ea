import { expect, setDefaultTimeout, test } from 'bun:test';
import { runEviction } from '../soak/evicted-tags.ts';

setDefaultTimeout(60_000);

test('race 57, a third instance over a Redis that drops records loads each hot key twice at most, and then no instance loads', async () => {
  const { third, later, evicted, keys } = await runEviction(2_000);
  expect(evicted).toBeGreaterThan(0);
  expect(third).toBeLessThanOrEqual(2 * keys);
  // The server's choice is a sample, and may fall on a hot key now and then.
  expect(later).toBeLessThanOrEqual(keys / 4);
});
