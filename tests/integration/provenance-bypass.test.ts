import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from 'bun:test';
import { Redis } from 'ioredis';
import { until } from '../../src/testing/until.ts';
import { isBus } from '../support/redis-wire.ts';
import { productPath, renameProduct } from './support/catalog-requests.ts';
import { type FragileFleet, startFragileFleet } from './support/fragile-fleet.ts';
import { FROM_L1, FROM_L2, LOADED, type Provenance, provenanceOf } from './support/provenance.ts';

setDefaultTimeout(30_000);

const owned = new AsyncDisposableStack();
let fleet: FragileFleet;

beforeAll(async () => {
  fleet = await startFragileFleet(owned);
});

afterAll(() => owned.disposeAsync());

const read = async (id: number): Promise<Provenance> => provenanceOf(await fleet.one.fetch(productPath(id)));

const loadedPast = (reason: string): Provenance => ({
  ...LOADED,
  cacheStatus: `tiercel-l2; fwd=bypass; detail=${reason}, tiercel-l1; fwd=uri-miss; stored`,
});

let cold = 501;
/** Reads products that nobody has read before, until one is answered as this condition asks. */
function readColdUntil(what: string, condition: (cacheStatus: string) => boolean): Promise<Provenance> {
  return until(
    async () => {
      const answer = await read(cold++);
      return condition(answer.cacheStatus ?? '') && answer;
    },
    { what },
  );
}

/** Waits until both tiers are in use, as at the beginning. */
async function expectRecovery(): Promise<void> {
  await readColdUntil('a load that fills both tiers', (cacheStatus) => cacheStatus === LOADED.cacheStatus);
  expect(await read(cold - 1)).toEqual(FROM_L1);
}

describe('Cache-Status says why a tier was not used:', () => {
  test('Redis did not answer in time, and then no read asks it', async () => {
    fleet.redis.pause();
    expect(await read(1)).toEqual(loadedPast('timeout'));
    const open = await readColdUntil('the breaker to be open', (cacheStatus) => cacheStatus.includes('breaker-open'));
    expect(open).toEqual(loadedPast('breaker-open'));
    fleet.redis.resume();
    await expectRecovery();
  });

  test('Redis answered with an error', async () => {
    const redis = new Redis(fleet.redis.url);
    await read(11);
    await redis.config('SET', 'maxmemory-policy', 'noeviction', 'maxmemory', '1');
    expect(await read(12)).toEqual(loadedPast('error'));
    // What it has it still gives.
    expect(provenanceOf(await fleet.other.fetch(productPath(11)))).toEqual(FROM_L2);
    await redis.config('SET', 'maxmemory', '0');
    await redis.quit();
    await expectRecovery();
  });

  test('the instance does not know which history Redis tells', async () => {
    const { proxy } = fleet;
    proxy.refuse();
    proxy.resetConnections();
    const untrusted = await readColdUntil('an answer past an untrusted Redis', (cacheStatus) =>
      cacheStatus.includes('untrusted'),
    );
    expect(untrusted).toEqual(loadedPast('untrusted'));
    await proxy.accept();
    await expectRecovery();
  });

  test('Redis has not been told of a change yet', async () => {
    await read(21);
    fleet.redis.pause();
    await renameProduct(fleet.one, 21, 'Not told');
    expect(await read(21)).toEqual(loadedPast('pending'));
    fleet.redis.resume();
    await expectRecovery();
  });

  test('L1 cannot show that it missed no invalidation; L2 answers meanwhile', async () => {
    await read(31);
    expect(await read(31)).toEqual(FROM_L1);
    const silence = fleet.proxy.impose({ hold: true }, { direction: 'toClient', where: isBus });
    const suspended = await until(
      async () => {
        const answer = await read(31);
        return answer.tier !== 'l1' && answer;
      },
      { what: 'L1 to be suspended' },
    );
    expect(suspended).toEqual({
      ...FROM_L2,
      cacheStatus: 'tiercel-l2; hit; ttl=N, tiercel-l1; fwd=bypass; detail=unproven; stored',
    });
    silence.lift();
    await until(async () => (await read(31)).cacheStatus === FROM_L1.cacheStatus, { what: 'L1 to answer again' });
  });
});
