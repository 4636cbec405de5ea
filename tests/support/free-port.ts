import { randomInt } from 'node:crypto';
import { createServer } from 'node:net';

/**
 * Below the range from which systems give ports to outgoing connections: none of those can take the port of a server
 * that is just being restarted. A Redis Cluster node also uses its port plus 10,000, which stays below as well.
 */
const LOWEST = 14_000;
const HIGHEST = 22_000;
const ATTEMPTS = 100;
/** Processes that run tests at the same time each have ports of their own; `TIERCEL_TEST_LANE` says whose these are. */
const LANES = 4;
const PORTS = (HIGHEST - LOWEST) / LANES;

const lane = Number(process.env.TIERCEL_TEST_LANE ?? 0) % LANES;
let next = randomInt(PORTS);

/**
 * A TCP port of the loopback interface on which nobody listens at this moment. It is not given again for a long time:
 * nobody takes the port of a server that is just being restarted. Another process may still be faster: whoever starts a
 * server on it tries again with another one.
 */
export async function freePort(): Promise<number> {
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    next = (next + 1) % PORTS;
    const port = LOWEST + LANES * next + lane;
    if (await isFree(port)) return port;
  }
  throw new Error(`no free port between ${LOWEST} and ${HIGHEST} in ${ATTEMPTS} attempts`);
}

function isFree(port: number): Promise<boolean> {
  const { promise, resolve } = Promise.withResolvers<boolean>();
  const server = createServer();
  server.once('error', () => resolve(false));
  server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)));
  return promise;
}
