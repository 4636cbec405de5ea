import { afterEach, beforeEach, describe, expect, test } from 'bun:test';
import type { ApiToken } from '../../../src/catalog/tokens.ts';
import type { CacheEvent, Observer } from '../../../src/core/model/events.ts';
import { EVERYTHING } from '../../../src/core/model/invalidation.ts';
import type { Principal, Right } from '../../../src/service/auth/access-control.ts';
import { type HeardCache, TokenHolders } from '../../../src/service/auth/token-holders.ts';
import { TestClock } from '../../../src/testing/test-clock.ts';

const RECORD: ApiToken = {
  id: 7,
  orgId: 1,
  role: 'writer',
  label: '',
  createdAt: new Date(0),
  expiresAt: null,
  revokedAt: null,
};

/** A database of one token, which answers, hangs or fails as it is told. */
class Database {
  record: ApiToken | null = RECORD;
  state: 'well' | 'hung' | 'away' = 'well';
  lookUps = 0;

  readonly lookUp = (_token: string, signal: AbortSignal): Promise<ApiToken | null> => {
    this.lookUps += 1;
    if (this.state === 'well') return Promise.resolve(this.record);
    if (this.state === 'away') return Promise.reject(Object.assign(new Error('refused'), { code: 'ECONNREFUSED' }));
    return new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)));
  };
}

/** The catalog's cache, as far as it is heard. */
class Catalog implements HeardCache {
  isSuspended = false;
  readonly #observers = new Set<Observer>();

  attach({ observer }: { readonly observer: Observer }): () => void {
    this.#observers.add(observer);
    return () => {};
  }

  health() {
    return { l1: { suspended: this.isSuspended } };
  }

  say(event: CacheEvent): void {
    for (const observer of this.#observers) observer(event);
  }
}

const REQUEST = new Request('http://localhost/');

/** Whether tokens may be looked up that are not known. */
let mayLookUp: boolean;

const assertMayLookUp = (): void => {
  if (!mayLookUp) throw new Error('slowed');
};

let clock: TestClock;
let database: Database;
let catalog: Catalog;
let holders: TokenHolders;

const GRACE_MS = 15 * 60_000;

function begin({ isTold = true, graceMs = GRACE_MS } = {}): void {
  mayLookUp = true;
  clock = new TestClock();
  database = new Database();
  catalog = new Catalog();
  holders = new TokenHolders({
    lookUp: database.lookUp,
    catalog,
    isTold,
    graceMs,
    assertMayLookUp,
    clock,
  });
}

beforeEach(() => begin());
afterEach(() => clock.settle(holders.close()));

interface Found {
  readonly principal: Principal | null;
  readonly ms: number;
}

async function find(right: Right = 'read'): Promise<Found> {
  const began = clock.now();
  const principal = await clock.settle(Promise.resolve(holders.find('token', 'digest', right, REQUEST)));
  return { principal, ms: clock.now() - began };
}

const statusOf = (right: Right) =>
  find(right).then(
    ({ principal }) => (principal === null ? 401 : 200),
    (error: { status?: number }) => error.status ?? error,
  );

describe('a token that is known', () => {
  test('answers without a promise, and is looked up once a second, behind the answer', async () => {
    expect((await find()).principal).toEqual({ orgId: 1, rights: new Set(['read', 'write']) });
    expect(holders.find('token', 'digest', 'read', REQUEST)).not.toBeInstanceOf(Promise);
    expect(database.lookUps).toBe(1);
    await clock.advance('3s');
    for (let ask = 0; ask < 5; ask += 1) expect((await find()).ms).toBe(0);
    expect(database.lookUps).toBe(2);
  });

  test('is refused at the next read but one when it was revoked and no message came', async () => {
    await find();
    database.record = null;
    await clock.advance('2s');
    await find();
    await clock.advance(0);
    expect((await find()).principal).toBeNull();
  });

  test.each([
    ['its tag', { ids: [], tags: ['token:7'] }],
    ['the tag of all tokens', { ids: [], tags: ['tokens'] }],
    ['all that is cached', EVERYTHING],
  ])('is looked up before the next answer after an invalidation of %s', async (_, targets) => {
    await find();
    database.record = null;
    catalog.say({ type: 'invalidated', targets, origin: 'elsewhere' });
    expect((await find()).principal).toBeNull();
  });

  test('is looked up before the next answer when a message may have been missed', async () => {
    for (const event of [
      { type: 'bus_gap', expected: 1, got: 3 },
      { type: 'bus_resync' },
      { type: 'epoch_changed', from: 'a', to: 'b' },
    ] as const) {
      database.record = RECORD;
      await clock.advance('20s');
      expect((await find()).principal).not.toBeNull();
      database.record = null;
      catalog.say(event);
      expect((await find()).principal).toBeNull();
    }
  });

  test('is not served behind its second while L1 is suspended, nor where nothing tells of changes', async () => {
    await find();
    catalog.isSuspended = true;
    database.record = null;
    await clock.advance('2s');
    expect((await find()).principal).toBeNull();

    await clock.settle(holders.close());
    begin({ isTold: false });
    await find();
    database.record = null;
    await clock.advance('2s');
    expect((await find()).principal).toBeNull();
  });

  test('is forgotten by a message that passes its look-up', async () => {
    const looked = Promise.withResolvers<ApiToken | null>();
    await holders.close();
    holders = new TokenHolders({
      lookUp: () => looked.promise,
      catalog,
      isTold: true,
      graceMs: GRACE_MS,
      assertMayLookUp,
      clock,
    });
    const asked = Promise.resolve(holders.find('token', 'digest', 'read', REQUEST));
    await clock.advance(1);
    catalog.say({ type: 'invalidated', targets: { ids: [], tags: ['token:7'] }, origin: 'elsewhere' });
    looked.resolve(RECORD);
    await clock.settle(asked);
    expect(holders.find('token', 'digest', 'read', REQUEST)).toBeInstanceOf(Promise);
  });

  test('ends at its own moment, however lately it was looked up', async () => {
    database.record = { ...RECORD, expiresAt: new Date(500) };
    expect((await find()).principal).not.toBeNull();
    await clock.advance(499);
    expect((await find()).principal).not.toBeNull();
    await clock.advance(1);
    expect(holders.find('token', 'digest', 'read', REQUEST)).toBeNull();
  });
});

describe.each(['hung', 'away'] as const)('while the database is %s', (state) => {
  test('a known token reads at once, also beside others, for fifteen minutes and no longer', async () => {
    await find();
    database.state = state;
    const waits: number[] = [];
    for (let ask = 0; ask < 80; ask += 1) {
      await clock.advance(100);
      waits.push((await find()).ms);
    }
    // The first eight seconds: nothing waits for a database that does not answer.
    expect(Math.max(...waits)).toBe(0);
    await clock.advance('10m');
    expect((await find()).ms).toBeLessThanOrEqual(100);
    await clock.advance(GRACE_MS - clock.now());
    expect(await statusOf('read')).toBe(200);
    await clock.advance('2s');
    expect(await statusOf('read')).not.toBe(200);
  });

  test.each([0, 5_000, 60_000])('a known token reads for a grace of %i ms and no longer', async (graceMs) => {
    await clock.settle(holders.close());
    begin({ graceMs });
    await find();
    database.state = state;
    await clock.advance(500);
    expect(await statusOf('read')).toBe(200);
    await clock.advance(graceMs);
    expect(await statusOf('read')).toBe(200);
    await clock.advance(2_000);
    expect(await statusOf('read')).not.toBe(200);
  });

  test('most reads by a token that was idle wait for nothing, once the breaker is open', async () => {
    await find();
    await clock.advance('1m');
    database.state = state;
    const waits: number[] = [];
    for (let ask = 0; ask < 300; ask += 1) {
      await clock.advance(20);
      waits.push((await find()).ms);
    }
    expect(Math.max(...waits)).toBeLessThanOrEqual(100);
    expect(waits.filter((ms) => ms > 0).length).toBeLessThan(20);
  });

  test('a token that was not looked up for fifteen seconds changes nothing', async () => {
    await find();
    database.state = state;
    await clock.advance('10s');
    expect(await statusOf('write')).toBe(200);
    await clock.advance('6s');
    expect(await statusOf('write')).toBe(503);
    expect(await statusOf('read')).toBe(200);
    database.state = 'well';
    // The look-up that hangs is given up, and another one begins a moment later.
    await clock.advance('4s');
    await find();
    await clock.advance(1);
    expect(await statusOf('write')).toBe(200);
  });

  test('what administers has no grace at all', async () => {
    await find();
    database.state = state;
    await clock.advance('4s');
    expect(await statusOf('administer')).toBe(503);
  });

  test('a token that is not known fails within two seconds', async () => {
    database.state = state;
    const began = clock.now();
    expect(await statusOf('read')).not.toBe(200);
    expect(clock.now() - began).toBeLessThanOrEqual(2_000);
  });
});

test('what clients make up is not remembered, and takes no place from what is', async () => {
  database.record = null;
  expect((await find()).principal).toBeNull();
  expect((await find()).principal).toBeNull();
  expect(database.lookUps).toBe(2);
});

describe('a look-up that is not allowed', () => {
  test('does not happen for a token that is not known, and its error reaches the caller', async () => {
    mayLookUp = false;
    const asked = clock.settle(Promise.resolve(holders.find('token', 'digest', 'read', REQUEST)));
    await expect(asked).rejects.toThrow('slowed');
    expect(database.lookUps).toBe(0);
  });

  test('happens for a token that is known: behind a proxy all clients have one address', async () => {
    await find();
    await clock.advance('1m');
    mayLookUp = false;
    const again = await clock.settle(Promise.resolve(holders.find('token', 'digest', 'read', REQUEST)));
    expect(again).not.toBeNull();
    expect(database.lookUps).toBe(2);
  });
});
