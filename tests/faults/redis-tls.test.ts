import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from 'bun:test';
import { readFileSync } from 'node:fs';
import { Redis } from 'ioredis';
import { type RedisTiers, redis } from 'tiercel/redis';
import { FAIL_FAST } from '../../src/adapters/redis/options.ts';
import { RemoteError } from '../../src/core/ports/remote-tier.ts';
import { CACHE } from '../../src/testing/contracts/harness.ts';
import { until } from '../../src/testing/until.ts';
import { freePort } from '../support/free-port.ts';
import { startRedis, uniqueNamespace } from '../support/redis-server.ts';
import { startProxy, type TcpProxy } from '../support/tcp-proxy.ts';
import { type Certificate, type Certificates, makeCertificates } from './support/certificates.ts';

setDefaultTimeout(20_000);

/** The first byte of a TLS connection: a record of its handshake. */
const HANDSHAKE = 0x16;
/** An attempt that is not answered takes so long; by default two seconds. */
const CONNECT_MS = 500;
const ATTEMPTS = 3;

const owned = new AsyncDisposableStack();
let certificates: Certificates;

beforeAll(async () => {
  certificates = owned.use(await makeCertificates());
});

afterAll(() => owned.disposeAsync());

/** A Redis with a port for TLS and one without, each behind a proxy that notes what connections begin with. */
interface Secured {
  readonly tls: TcpProxy;
  readonly plain: TcpProxy;
  readonly firstBytes: readonly (number | undefined)[];
}

async function startSecured(owner: AsyncDisposableStack, { cert, key }: Certificate): Promise<Secured> {
  const port = await freePort();
  const config = {
    'tls-port': String(port),
    'tls-cert-file': cert,
    'tls-key-file': key,
    'tls-ca-cert-file': certificates.ca,
    'tls-auth-clients': 'no',
  };
  const server = owner.use(await startRedis({ config }));
  const firstBytes: (number | undefined)[] = [];
  const seen = new WeakSet<object>();
  const behind = async (target: number): Promise<TcpProxy> =>
    owner.use(
      await startProxy({
        target: { host: server.host, port: target },
        onClientData(connection, bytes) {
          if (!seen.has(connection)) firstBytes.push(bytes[0]);
          seen.add(connection);
        },
      }),
    );
  return { tls: await behind(port), plain: await behind(server.port), firstBytes };
}

/** Whoever trusts the authority of the tests. */
function trusting(owner: AsyncDisposableStack, { port }: TcpProxy): RedisTiers {
  const tls = { ca: readFileSync(certificates.ca) };
  const client = new Redis({ ...FAIL_FAST, host: '127.0.0.1', port, tls, retryStrategy: () => 50 });
  // What it cannot do is told by the tier as well.
  client.on('error', () => {});
  owner.defer(() => client.disconnect());
  return redis(client, { namespace: uniqueNamespace('tls') });
}

function byUrl(scheme: string, { port }: TcpProxy): RedisTiers {
  const options = { namespace: uniqueNamespace('tls'), connectTimeout: CONNECT_MS };
  return redis(`${scheme}://127.0.0.1:${port}`, options);
}

/** Starts the tier, and waits until it has tried several times. */
async function tryToConnect({ l2 }: RedisTiers, proxy: TcpProxy) {
  const alarms: string[] = [];
  let connected = 0;
  l2.start(
    {
      onConnect: () => {
        connected += 1;
      },
      onDisconnect: () => undefined,
      onAlarm: (error) => alarms.push(error.message),
    },
    CACHE,
  );
  await until(() => connected > 0 || proxy.accepted >= ATTEMPTS, { what: 'several attempts', within: 10_000 });
  const why = await l2.read('a', 'g').catch((error: unknown) => error);
  await l2.close();
  return { alarms, connected, why: why instanceof RemoteError ? why : undefined };
}

test('a server whose certificate is right is used', async () => {
  await using owner = new AsyncDisposableStack();
  const { tls, firstBytes } = await startSecured(owner, certificates.good);
  expect(await tryToConnect(trusting(owner, tls), tls)).toEqual({ alarms: [], connected: 1, why: undefined });
  expect(firstBytes).toEqual([HANDSHAKE]);
});

describe('refused, with one alarm that says why, and nothing sent in the clear:', () => {
  async function expectRefusal(secured: Secured, tiers: RedisTiers, reason: RegExp): Promise<void> {
    const { alarms, connected, why } = await tryToConnect(tiers, secured.tls);
    expect(connected).toBe(0);
    expect(alarms).toEqual([expect.stringMatching(reason)]);
    expect(why).toMatchObject({ failure: 'unavailable', message: expect.stringMatching(reason) });
    expect(new Set(secured.firstBytes)).toEqual(new Set([HANDSHAKE]));
  }

  test('a certificate of an authority that the client does not trust', async () => {
    await using owner = new AsyncDisposableStack();
    const secured = await startSecured(owner, certificates.good);
    await expectRefusal(secured, byUrl('rediss', secured.tls), /self.signed certificate/);
  });

  test('a certificate out of date', async () => {
    await using owner = new AsyncDisposableStack();
    const secured = await startSecured(owner, certificates.expired);
    await expectRefusal(secured, trusting(owner, secured.tls), /certificate has expired/);
  });

  test('the certificate of another host', async () => {
    await using owner = new AsyncDisposableStack();
    const secured = await startSecured(owner, certificates.ofAnother);
    await expectRefusal(secured, trusting(owner, secured.tls), /does not match certificate's altnames/);
  });
});

describe('at the wrong port', () => {
  test('TLS is not given up for a server that does not speak it', async () => {
    await using owner = new AsyncDisposableStack();
    const { plain, firstBytes } = await startSecured(owner, certificates.good);
    const { connected, why } = await tryToConnect(byUrl('rediss', plain), plain);
    expect([connected, why?.failure]).toEqual([0, 'unavailable']);
    expect(why?.message).toMatch(/^Redis is not connected: ./);
    expect(new Set(firstBytes)).toEqual(new Set([HANDSHAKE]));
  });

  test('a client without TLS is not let in', async () => {
    await using owner = new AsyncDisposableStack();
    const { tls } = await startSecured(owner, certificates.good);
    const { connected, why } = await tryToConnect(byUrl('redis', tls), tls);
    expect([connected, why?.failure]).toEqual([0, 'unavailable']);
    expect(why?.message).toMatch(/^Redis is not connected: ./);
  });
});
