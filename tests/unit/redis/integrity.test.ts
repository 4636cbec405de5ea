import { describe, expect, test } from 'bun:test';
import { createHmac, randomBytes } from 'node:crypto';
import fc from 'fast-check';
import { redis } from '../../../src/adapters/redis/index.ts';
import { Hmac } from '../../../src/adapters/redis/protocol/hmac.ts';
import { Integrity } from '../../../src/adapters/redis/protocol/integrity.ts';
import { invalidationHead, parseMessage, UNSIGNED } from '../../../src/adapters/redis/protocol/message.ts';
import {
  bodyStart,
  endingWith,
  HEADER,
  NO_VERSION,
  parseRecord,
} from '../../../src/adapters/redis/protocol/stored-record.ts';

const keyOf = (id: string, bytes = 32): string => `${id}:${randomBytes(bytes).toString('base64')}`;
const ONE = keyOf('one');
const TWO = keyOf('two');

describe('an HMAC', () => {
  test('is that of the standard, for keys and texts of every length', () => {
    for (const keyBytes of [16, 32, 64, 65, 200]) {
      for (const length of [0, 1, 55, 56, 64, 5_000, 16_400, 50_000]) {
        const secret = randomBytes(keyBytes);
        for (const rest of ['ü😀x漢'.repeat(length / 4), randomBytes(length)]) {
          const standard = createHmac('sha256', secret).update('näme').update(rest).digest('hex');
          expect(new Hmac(secret).hex('näme', rest)).toBe(standard);
          const bytes = Buffer.concat([Buffer.from('--'), Buffer.from(rest as string)]);
          expect(new Hmac(secret).hexOfBytes('näme', bytes, 2)).toBe(standard);
        }
      }
    }
  });
});

describe('a record', () => {
  const sealed = (integrity: Integrity, name: string, body: string): Buffer =>
    Buffer.from(`V${'t'.repeat(22)}${NO_VERSION}${'0'.repeat(30)}${endingWith(integrity.seal(name, body))}${body}`);
  const isSealed = (integrity: Integrity, name: string, bytes: Buffer): boolean =>
    integrity.isSealed(bytes, HEADER.bytes, bodyStart(bytes), name);

  test('is whole under the name and with the body that it was sealed with, and is read without a key too', () => {
    const integrity = new Integrity(ONE);
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), fc.json(), (name, body) => {
        const bytes = sealed(integrity, name, body);
        expect(isSealed(integrity, name, bytes)).toBe(true);
        const record = parseRecord(bytes);
        expect(record.kind === 'value' && String(record.value.body)).toBe(body);
      }),
    );
  });

  test('is not whole under another name, nor when a byte of the seal or the body is another', () => {
    const integrity = new Integrity(ONE);
    const bytes = sealed(integrity, 'name', '[4,"a","",1]');
    expect(isSealed(integrity, 'named', bytes)).toBe(false);
    for (let at = HEADER.bytes; at < bytes.length; at += 1) {
      const other = Buffer.from(bytes);
      other[at] = (other[at] ?? 0) ^ 1;
      expect([at, isSealed(integrity, 'name', other)]).toEqual([at, false]);
    }
  });

  test('without a seal, or with one of a key that is not known, is none', () => {
    const integrity = new Integrity(ONE);
    const plain = sealed(integrity, 'name', 'body')
      .toString()
      .replace(/0041\n.*?;/, '0000\n');
    expect(parseRecord(Buffer.from(plain))).toMatchObject({ kind: 'value', value: { body: 'body' } });
    expect(isSealed(integrity, 'name', Buffer.from(plain))).toBe(false);
    expect(isSealed(new Integrity(TWO), 'name', sealed(integrity, 'name', 'body'))).toBe(false);
    // The same id, another key.
    expect(isSealed(new Integrity(keyOf('one')), 'name', sealed(integrity, 'name', 'body'))).toBe(false);
  });

  test('of a key that is rotated out is read, and the first key seals', () => {
    const both = new Integrity(`${TWO},${ONE}`);
    expect(isSealed(both, 'name', sealed(new Integrity(ONE), 'name', 'body'))).toBe(true);
    expect(isSealed(new Integrity(TWO), 'name', sealed(both, 'name', 'body'))).toBe(true);
    expect(isSealed(new Integrity(ONE), 'name', sealed(both, 'name', 'body'))).toBe(false);
  });

  test('is not taken for a message', () => {
    const integrity = new Integrity(ONE);
    const said = { origin: 'o', mode: 'delete', targets: { ids: ['a'], tags: [] } } as const;
    const [, mac] = /mac=(.*);/.exec(integrity.seal('channel', JSON.stringify(['o', 'delete', ['a'], [], []]))) ?? [];
    expect(integrity.isSigned(mac, 'channel', said)).toBe(false);
    expect(integrity.isSigned(integrity.sign('channel', said), 'channel', said)).toBe(true);
  });
});

describe('a message', () => {
  const end = `,"epoch":"${'f'.repeat(16)}","sequence":7}`;
  const integrity = new Integrity(ONE);
  const order = {
    origin: 'one',
    mode: 'delete',
    targets: { ids: ['a'], tags: ['t'], pattern: { namespace: '', glob: '*' } },
  } as const;
  const head = invalidationHead(order, (said) => integrity.sign('channel', said));
  const read = (text: string, verifier = integrity, channel = 'channel') =>
    parseMessage(Buffer.from(text), 'invalidation', (said, mac) => verifier.isSigned(mac, channel, said));

  test('that is signed is taken, whatever numbers the script gave it, also by a reader without a key', () => {
    expect(read(head + end)).toMatchObject({ ...order, sequence: 7 });
    expect(read(`${head},"epoch":"${'e'.repeat(16)}","sequence":9}`)).toMatchObject({ sequence: 9 });
    expect(parseMessage(Buffer.from(head + end), 'invalidation')).toMatchObject(order);
  });

  test('is refused when it has another key’s signature, none, or that of another channel', () => {
    expect(read(invalidationHead(order) + end)).toBe(UNSIGNED);
    expect(read(head + end, new Integrity(TWO))).toBe(UNSIGNED);
    expect(read(head + end, integrity, 'other')).toBe(UNSIGNED);
  });

  test('is refused when any part is another, a part that comes twice included', () => {
    const good = JSON.parse(head + end);
    const others = [
      { ...good, origin: 'two' },
      { ...good, mode: 'expire' },
      { ...good, targets: { ...good.targets, ids: ['b'] } },
      { ...good, targets: { ...good.targets, ids: ['a', 'b'] } },
      { ...good, targets: { ...good.targets, tags: [] } },
      { ...good, targets: { ids: ['a'], tags: ['t'] } },
      { ...good, targets: { ...good.targets, pattern: { namespace: 'n', glob: '*' } } },
      { ...good, mac: 'one:' },
      { ...good, mac: 5 },
      { ...good, mac: `${good.mac}0` },
    ];
    for (const other of others) expect([other, read(JSON.stringify(other))]).toEqual([other, UNSIGNED]);
    expect(read(`${head},"targets":{"ids":["b"],"tags":[]}${end}`)).toBe(UNSIGNED);
  });
});

describe('keys', () => {
  const random = randomBytes(32).toString('base64');

  test.each([
    ['no text', 5],
    ['an empty text', ''],
    ['no id', random],
    ['an id of other characters', `a b:${random}`],
    ['an id that is too long', `${'i'.repeat(17)}:${random}`],
    ['15 bytes', keyOf('k', 15)],
    ['no base64', 'k:not base64 at all, though it is long'],
    ['one byte again and again', `k:${Buffer.alloc(32, 97).toString('base64')}`],
    ['an end without a key', `k:${random},`],
    ['one text again and again', `k:${'password'.repeat(4)}`],
    ['one text again and again, and the begin of another', `k:${'password'.repeat(4)}pass`],
    ['the base64 of one text again and again', `k:${btoa('abcd'.repeat(8))}`],
    ['the base64 of a word and a half', `k:${btoa('changeme-changeme-changeme')}`],
    ['two keys of one id', `k:${random},${keyOf('k')}`],
    ['nine keys', Array.from({ length: 9 }, (_, index) => keyOf(`k${index}`)).join()],
  ])('%s is refused by name, and the key is not repeated', (_what, integrityKey) => {
    const make = () => redis('redis://localhost', { integrityKey: integrityKey as string });
    expect(make).toThrow(expect.objectContaining({ code: 'INVALID_OPTION', option: 'integrityKey' }));
    expect(make).not.toThrow(random);
  });

  test('of 16 bytes, in base64 or base64url, one or eight of them, are taken', () => {
    const url = `u:${randomBytes(16).toString('base64url')}`;
    const eight = Array.from({ length: 8 }, (_, index) => keyOf(`k${index}`, 16)).join();
    for (const integrityKey of [keyOf('k', 16), url, eight]) redis('redis://localhost', { integrityKey });
  });
});
