import { describe, expect, test } from 'bun:test';
import fc from 'fast-check';
import { escapePattern, keyspace, shapeOf } from '../../../src/adapters/redis/protocol/keyspace.ts';
import { heartbeatHead, invalidationHead, parseMessage } from '../../../src/adapters/redis/protocol/message.ts';
import { HEADER, leaseRecord, parseRecord, recordPrefix } from '../../../src/adapters/redis/protocol/stored-record.ts';
import { toId } from '../../../src/core/model/key.ts';
import { CACHE } from '../../../src/testing/contracts/harness.ts';

const TOKEN = 'A1-_'.repeat(6).slice(0, 22);
const bytes = (text: string) => Buffer.from(text);
const NONE = '-'.repeat(16);
const value = (version = NONE, end = '00000000\n') =>
  `V${TOKEN}${version}${'1'.padStart(15, '0')}${'2'.padStart(15, '0')}${end}body`;

describe('records', () => {
  test('the three kinds', () => {
    expect(parseRecord(null)).toEqual({ kind: 'none' });
    expect(parseRecord(bytes(leaseRecord(TOKEN)))).toEqual({ kind: 'lease', token: TOKEN });
    for (const version of [NONE, '7'.padStart(16, '0')]) {
      expect(parseRecord(bytes(`L${TOKEN}${version}\n`))).toEqual({ kind: 'lease', token: TOKEN });
      const record = parseRecord(bytes(value(version)));
      expect(record).toEqual({
        kind: 'value',
        value: { token: TOKEN, storedAt: 1, expiredAt: 2, body: 'body' },
      });
    }
  });

  test('a body is text where it is, and bytes as they are where it may be none', () => {
    const head = bytes(value()).subarray(0, HEADER.bytes);
    const bodyOf = (body: Buffer) => {
      const record = parseRecord(Buffer.concat([head, body]));
      return record.kind === 'value' ? record.value.body : undefined;
    };
    for (const text of ['', 'plain', 'ümläut', '漢字 🙂']) expect(bodyOf(bytes(text))).toBe(text);
    for (const other of [Buffer.from([0x1f, 0x8b, 0x08]), Buffer.from([0x22, 0xff, 0x22]), bytes('\ufffd')])
      expect(bodyOf(other)).toEqual(other);
  });

  test('flags and fields of a later writer are skipped, in values and in leases', () => {
    const later = value(NONE, `00f10006\nmac=x;`);
    expect(parseRecord(bytes(later))).toEqual(parseRecord(bytes(value())));
    expect(parseRecord(bytes(`${leaseRecord(TOKEN)}mac=x;`))).toEqual({ kind: 'lease', token: TOKEN });
  });

  test('a lease behind which a word stands is a note of how a load ended, and with another word a lease', () => {
    for (const outcome of ['failed', 'not-stored'] as const) {
      for (const later of ['', ' later', ';mac=x'])
        expect(parseRecord(bytes(leaseRecord(TOKEN) + outcome + later))).toEqual({ kind: 'outcome', outcome });
    }
    for (const word of ['failed-later', 'Failed', 'not', ' failed', 'not-stored2'])
      expect(parseRecord(bytes(leaseRecord(TOKEN) + word))).toEqual({ kind: 'lease', token: TOKEN });
  });

  test.each([
    [''],
    ['V'],
    ['L'],
    ['garbage'],
    [`L${TOKEN}`],
    [`L${TOKEN}${'x'.repeat(16)}\n`],
    [leaseRecord(TOKEN).slice(0, -1)],
    [`L${'é'.repeat(11)}${NONE}\n`],
    [`V${TOKEN}`],
    [value().slice(0, HEADER.bytes - 1)],
    [value('x'.repeat(16))],
    [value().replace('\n', ' ')],
    [value(NONE, '0000000x\n')],
    [value(NONE, '00000005\n')],
  ])('%p is a value without a body, and its token leads back to its first bytes', (given) => {
    const record = parseRecord(bytes(given));
    if (record.kind !== 'value') throw new Error(record.kind);
    expect(record.value).toMatchObject({ storedAt: 0, expiredAt: 0, body: '' });
    const prefix = Buffer.from(recordPrefix('value', record.value.token));
    expect(prefix).toEqual(bytes(given).subarray(0, HEADER.prefixBytes));
  });

  test('whatever the bytes, reading does not throw and the token leads back to them', () => {
    const like = fc.constantFrom('', 'L', 'V', `L${TOKEN}`, `V${TOKEN}`, leaseRecord(TOKEN), value()).map(bytes);
    const anything = fc.tuple(like, fc.uint8Array({ maxLength: 100 })).map((parts) => Buffer.concat(parts));
    fc.assert(
      fc.property(anything, (given) => {
        const record = parseRecord(given);
        if (record.kind === 'none') return false;
        if (record.kind === 'outcome') return;
        const token = record.kind === 'lease' ? record.token : record.value.token;
        return Buffer.from(recordPrefix(record.kind, token)).equals(given.subarray(0, HEADER.prefixBytes));
      }),
    );
  });
});

describe('messages', () => {
  const end = `,"epoch":"${'f'.repeat(16)}","sequence":1700000000000001}`;
  const names = fc.array(fc.string({ unit: 'grapheme' }), { maxLength: 5 });

  test('an invalidation comes back as it was ordered', () => {
    const pattern = fc.option(fc.record({ namespace: fc.string(), glob: fc.string() }), { nil: undefined });
    const targets = fc.record({ ids: names, tags: names });
    const mode = fc.constantFrom('delete' as const, 'expire' as const);
    fc.assert(
      fc.property(targets, pattern, mode, fc.string(), (named, glob, how, origin) => {
        const order = {
          targets: glob ? { ...named, pattern: glob } : named,
          mode: how,
          origin,
        };
        const message = parseMessage(bytes(invalidationHead(order) + end), 'invalidation');
        expect(message).toEqual({
          kind: 'invalidation',
          epoch: 'f'.repeat(16),
          sequence: 1700000000000001,
          origin,
          mode: how,
          targets: order.targets,
        });
      }),
    );
  });

  test('an invalidation of as many names as there may be, full of what JSON has between its parts, comes back', () => {
    const ids = Array.from({ length: 1_000 }, (_, index) => `${index}[{,"\\"}]`.repeat(20));
    const targets = { ids, tags: ids };
    const message = parseMessage(
      bytes(invalidationHead({ targets, mode: 'delete', origin: 'o' }) + end),
      'invalidation',
    );
    expect(message).toMatchObject({ targets });
  });

  test('a heartbeat too', () => {
    const message = parseMessage(bytes(heartbeatHead('n "1"') + end), 'heartbeat');
    expect(message).toEqual({ kind: 'heartbeat', epoch: 'f'.repeat(16), sequence: 1700000000000001, nonce: 'n "1"' });
  });

  test('every field that is missing or of another type has its reason, and nothing throws', () => {
    const good = JSON.parse(
      invalidationHead({
        targets: { ids: ['a'], tags: [], pattern: { namespace: '', glob: '*' } },
        mode: 'delete',
        origin: 'one',
      }) + end,
    );
    expect(typeof parseMessage(bytes(JSON.stringify(good)), 'invalidation')).toBe('object');
    const wrong = [undefined, null, {}, [], '', -1, 1.5, true, { ids: [1], tags: [] }];
    for (const field of Object.keys(good)) {
      for (const given of wrong) {
        if (typeof given === typeof good[field] && given !== null && field !== 'targets') continue;
        const bad = bytes(JSON.stringify({ ...good, [field]: given }));
        expect([field, given, typeof parseMessage(bad, 'invalidation')]).toEqual([field, given, 'string']);
      }
    }
    const many = { ...good, targets: { ids: new Array(1_001).fill('a'), tags: [] } };
    expect(parseMessage(bytes(JSON.stringify(many)), 'invalidation')).toBe('its targets are none');
    expect(parseMessage(new Uint8Array(9 * 2 ** 20), 'invalidation')).toContain('bytes are more than');
    for (const later of ['['.repeat(5_000), `[${'[],'.repeat(2_500)}0]`, `[${'0,'.repeat(5_000)}0]`])
      expect(parseMessage(bytes(`{"later":${later}}`), 'invalidation')).toBe('it has more parts than a message');
    fc.assert(fc.property(fc.uint8Array(), (given) => typeof parseMessage(given, 'invalidation') === 'string'));
    fc.assert(fc.property(fc.json(), (given) => typeof parseMessage(bytes(given), 'heartbeat') === 'string'));
  });
});

describe('keys', () => {
  test('no two entries, claims, tags or internal records share a key', () => {
    const { entry, claim, tag, history, bus, echo } = keyspace('ns', CACHE, 0);
    const other = keyspace('ns', { ...CACHE, version: '2' }, 0);
    const part = fc.string({ unit: fc.constantFrom('a', ':', '1', '{', '}', 'e'), maxLength: 6 });
    const id = fc
      .tuple(
        part,
        part.filter((key) => key !== ''),
      )
      .map(([namespace, key]) => toId(namespace, key));
    fc.assert(
      fc.property(id, id, (one, another) => {
        const all = [one, another].flatMap((each) => [entry(each, 'g'), claim(each, 'g'), tag(each, 'g')]);
        all.push(...[one, another].flatMap((each) => [other.entry(each, 'g'), other.claim(each, 'g')]));
        all.push(history, bus, echo('i'));
        expect(new Set(all).size).toBe(one === another ? all.length - 5 : all.length);
      }),
    );
  });

  test('an id comes back from its key', () => {
    const { entry, idOf } = keyspace('ns', CACHE, 0);
    for (const namespace of ['', 'a:b', '{}', '世界']) {
      const id = toId(namespace, 'k:1');
      expect(idOf(entry(id, 'g'), namespace, 'g')).toBe(id);
    }
  });

  test('the names are those that docs/protocol.md lists', () => {
    const keys = keyspace('shop', { version: 'v2', format: 4 }, 3);
    const id = toId('org', 'product:17');
    expect([
      keys.history,
      keys.bus,
      keys.echo('i'),
      keys.entry(id, 'g'),
      keys.claim(id, 'g'),
      keys.tag(id, 'g'),
    ]).toEqual([
      '{shop.0}:history',
      '{shop.0}:bus:3',
      '{shop.0}:echo:3:i',
      '{shop.0}:e:2.4.v2:g:3:org:product:17',
      '{shop.0}:r:2.4.v2:g:3:org:product:17',
      '{shop.0}:t:g:3:org:product:17',
    ]);
  });

  test('every version and format has a shape of its own, short and without separators', () => {
    const version = fc.oneof(fc.string(), fc.string({ unit: fc.constantFrom('1', '.', '~', ':', ' '), maxLength: 40 }));
    const cache = fc.record({ version, format: fc.integer({ min: 0, max: 99 }) });
    fc.assert(
      fc.property(cache, cache, (one, another) => {
        for (const shape of [shapeOf(one), shapeOf(another)]) expect(shape).toMatch(/^[\w.~-]{3,48}$/);
        const isSame = one.version === another.version && one.format === another.format;
        expect(shapeOf(one) === shapeOf(another)).toBe(isSame);
      }),
    );
  });

  test('a scan pattern takes a text literally', () => {
    expect(escapePattern('{ns}:e:g:4:[^*?]\\:')).toBe('{ns}:e:g:4:\\[^\\*\\?\\]\\\\:');
  });

  test('an entry of a namespace and a generation is found in every shape, and no other is', () => {
    const mine = keyspace('ns', CACHE, 0);
    const other = keyspace('ns', { version: '2', format: 9 }, 0);
    const id = toId('a', 'k:1');
    for (const { entry } of [mine, other]) expect(mine.idOf(entry(id, 'g'), 'a', 'g')).toBe(id);
    expect(mine.entryOf(other.shape, id, 'g')).toBe(other.entry(id, 'g'));
    for (const key of [mine.entry(id, 'h'), mine.entry(toId('b', 'k:1'), 'g'), mine.claim(id, 'g'), mine.tag(id, 'g')])
      expect(mine.idOf(key, 'a', 'g')).toBeUndefined();
  });
});
