import { expect, test } from 'bun:test';
import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import { createCatalogCache } from '../../src/service/catalog-cache.ts';
import { loadConfig } from '../../src/service/config/load-config.ts';
import { createLogger } from '../../src/service/logging/logger.ts';
import { until } from '../../src/testing/until.ts';

/** With pauses that double from 50 ms up to a second, and are shortened by half at most, no client makes so many in that time. */
const ATTEMPTS = 12;
const WITHIN_MS = 2_400;

test('REDIS_PROBE_MS shortens the pauses between attempts to connect, and between trials', async () => {
  const connected: number[] = [];
  // Something listens there that is no Redis: it hangs up.
  const listener = createServer((socket) => {
    connected.push(performance.now());
    socket.destroy();
  });
  listener.listen(0, '127.0.0.1');
  await once(listener, 'listening');
  const { port } = listener.address() as AddressInfo;
  const env = { REDIS_URL: `redis://127.0.0.1:${port}`, REDIS_PROBE_MS: '100' };
  const log = await createLogger({ level: 'silent', format: 'json' }, { write: () => undefined });
  const config = loadConfig(env, { isTerminal: false });
  const cache = createCatalogCache(config, { resources: [], groupOf: () => 'other', outbox: undefined, log });
  const trials: number[] = [];
  cache.attach({
    observer: (event) => {
      if (event.type === 'breaker_transition' && event.to === 'half-open') trials.push(performance.now());
    },
  });
  try {
    // The bus and the commands each have a client.
    const enough = () => connected.length >= 2 * ATTEMPTS && trials.length >= ATTEMPTS;
    await until(enough, { what: 'the attempts', within: WITHIN_MS });
    expect(trials.length).toBeGreaterThanOrEqual(ATTEMPTS);
  } finally {
    await cache.close();
    listener.close();
  }
});
