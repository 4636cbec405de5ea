import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from 'bun:test';
import { Redis } from 'ioredis';
import { createToken, revokeToken } from '../../src/catalog/tokens.ts';
import { makeSurroundings, type Surroundings, startService, type TestService } from '../service/test-service.ts';
import type { Attempt, AttemptKind, Bearer } from './attempt.ts';
import { bodies } from './attempts/bodies.ts';
import { type Forgery, forgeries, type StoredText } from './attempts/forgeries.ts';
import { headers } from './attempts/headers.ts';
import { hosts } from './attempts/hosts.ts';
import { ids } from './attempts/ids.ts';
import { keys } from './attempts/keys.ts';
import { paths } from './attempts/paths.ts';
import { queries } from './attempts/queries.ts';
import { tenants } from './attempts/tenants.ts';
import { tokens } from './attempts/tokens.ts';
import { exchange, type WireAnswer } from './wire.ts';

setDefaultTimeout(30_000);

const ADMIN = 'admin-token-of-the-attacks-0123456789';
const VIEWER = 'viewer-token-of-the-attacks-0123456789';
/** The name of org 2's product. No answer may hold it. */
const CANARY = 'Canary of the second org';
const KINDS: readonly AttemptKind[] = [paths, hosts, headers, ids, bodies, tokens, tenants, keys, queries];

/** Longest body of a refusal: what a client sends is not told back to it. */
const MOST_TOLD = 4_000;

let surroundings: Surroundings;
let service: TestService;
let redis: Redis;
let bearers: Readonly<Record<Bearer, string>>;
let before: string;

beforeAll(async () => {
  surroundings = await makeSurroundings();
  const { env } = surroundings;
  service = await startService({
    ...env,
    AUTH: 'token',
    ADMIN_TOKEN: ADMIN,
    VIEWER_TOKEN: VIEWER,
    ALLOWED_HOSTS: '127.0.0.1, shop.example',
    // Every read asks L2, where the forgeries are.
    CACHE_L1_TTL_MS: '0',
  });
  redis = new Redis(env.REDIS_URL ?? '');
  const { sql } = service.context.database;
  const made = async (role: 'reader' | 'writer', expiresInMs?: number) =>
    createToken(sql, { orgId: 1, role, expiresInMs });
  const revoked = await made('writer');
  await revokeToken(sql, revoked.record.id);
  bearers = {
    admin: ADMIN,
    viewer: VIEWER,
    reader: (await made('reader')).token,
    writer: (await made('writer')).token,
    expired: (await made('writer', 1)).token,
    revoked: revoked.token,
  };
  await sql`update products set name = ${CANARY} where id = 101`;
  before = await contents();
}, 60_000);

afterAll(async () => {
  redis.disconnect();
  await service[Symbol.asyncDispose]();
  await surroundings[Symbol.asyncDispose]();
});

/** All that an attempt could have changed in the database. */
async function contents(): Promise<string> {
  const { sql } = service.context.database;
  const rows = await sql`
    select 'product' as kind, id, org_id, name || sku || price as text from products
    union all select 'plate', id, org_id, location || status from license_plates
    union all select 'item', id, bom_id, product_id::text from bom_items order by 1, 2`;
  return JSON.stringify(rows);
}

function requestOf(attempt: Attempt): Uint8Array {
  const { method = 'GET', path, host = new URL(service.url).host, as = 'reader', lines = [], body } = attempt;
  const content = typeof body === 'string' ? Buffer.from(body) : body;
  const head = [
    `${method} ${path} HTTP/1.1`,
    'connection: close',
    ...(host === null ? [] : [`host: ${host}`]),
    ...(as === null ? [] : [`authorization: Bearer ${bearers[as]}`]),
    ...(content === undefined ? [] : ['content-type: application/json', `content-length: ${content.length}`]),
    ...lines,
  ];
  return Buffer.concat([Buffer.from(`${head.join('\r\n')}\r\n\r\n`), content ?? Buffer.alloc(0)]);
}

function expectRefusal({ status, head, body }: WireAnswer, { path, refused }: Attempt): void {
  expect(refused).toContain(status);
  expect(body.length).toBeLessThan(MOST_TOLD);
  for (const secret of [CANARY, ...Object.values(bearers)]) expect(body).not.toContain(secret);
  // A problem names the path that it is about.
  expect(body.replace(path, '')).not.toMatch(
    /\bselect |\binsert |postgres|redis:|root:|node_modules|\.ts\b|\bat \w+ \(/i,
  );
  if (!head.includes('application/problem+json')) return;
  expect(head).toContain('x-content-type-options: nosniff');
  expect(head).not.toContain('etag:');
  expect(JSON.parse(body)).toMatchObject({ status });
}

for (const { kind, attempts } of KINDS) {
  describe(`${kind}:`, () => {
    for (const attempt of attempts) {
      test(`${attempt.name} is refused`, async () => {
        expectRefusal(await exchange(service.url, requestOf(attempt)), attempt);
      });
    }
  });
}

const HEADER_BYTES = 78;
/** The ends of the keys of these paths. */
const KEYS: Readonly<Record<Forgery['of'], string>> = {
  product: 'product:1:1',
  products: 'products:org:1:l10:a0',
  bom: 'bom:1:1',
  dashboard: 'dashboard:org:1',
};
const PATHS: Readonly<Record<Forgery['of'], string>> = {
  product: '/orgs/1/products/1',
  products: '/orgs/1/products?limit=10',
  bom: '/orgs/1/boms/1',
  dashboard: '/orgs/1/dashboard',
};

describe('forgeries in L2:', () => {
  const read = (of: Forgery['of']) =>
    service.api(PATHS[of], { headers: { authorization: `Bearer ${bearers.reader}` } });

  for (const { name, of, forge } of forgeries) {
    test(`${name} is not answered with`, async () => {
      const truth = await (await read(of)).text();
      expect((await read(of)).headers.get('x-cache-tier')).toBe('l2');
      const key = await keyOf(of);
      const forged = forge(split((await redis.getBuffer(key)) ?? Buffer.alloc(0)));
      await redis.set(key, Buffer.from(forged.header + forged.body, 'latin1'), 'KEEPTTL');
      const answer = await read(of);
      expect([answer.status, answer.headers.get('x-cache-tier')]).toEqual([200, 'source']);
      if (of !== 'dashboard') expect(await answer.text()).toBe(truth);
    });
  }

  /** Where the record lies that has just been read: of all that is named so, the one with a value of that key. */
  async function keyOf(of: Forgery['of']): Promise<string> {
    for (const key of await redis.keys(`*${surroundings.env.CACHE_NAMESPACE}*${KEYS[of]}`)) {
      const bytes = await redis.getBuffer(key);
      if (bytes?.toString('latin1').startsWith('V') && split(bytes).body.startsWith('[')) return key;
    }
    throw new Error(`Redis has no record of ${KEYS[of]}`);
  }
});

function split(record: Buffer): StoredText {
  const text = record.toString('latin1');
  return { header: text.slice(0, HEADER_BYTES), body: text.slice(HEADER_BYTES) };
}

describe('all of it', () => {
  test('is enough, and each attempt has a name of its own', () => {
    const names = KINDS.flatMap(({ kind, attempts }) => attempts.map(({ name }) => `${kind}: ${name}`));
    const all = [...names, ...forgeries.map(({ name }) => name)];
    expect(new Set(all).size).toBe(all.length);
    expect(all.length).toBeGreaterThanOrEqual(120);
  });

  test('has changed nothing, broken nothing, and left no secret in the log', async () => {
    expect(await contents()).toBe(before);
    expect((await fetch(`${service.url}/livez`)).status).toBe(200);
    expect(service.log.filter(({ level }) => level === 'error' || level === 'fatal')).toEqual([]);
    const text = service.log.map((line) => JSON.stringify(line)).join('\n');
    for (const secret of [CANARY, ...Object.values(bearers)]) expect(text).not.toContain(secret);
  });
});
