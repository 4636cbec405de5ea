import type { Attempt, AttemptKind } from '../attempt.ts';

const PATH = '/api/v1/orgs/1/products/1';

const patch = (name: string, body: string | Uint8Array, refused: readonly number[] = [400]): Attempt => ({
  name,
  method: 'PATCH',
  path: PATH,
  as: 'writer',
  body,
  refused,
});

/** Bodies that are no change of a product, or would change more than that. */
export const bodies: AttemptKind = {
  kind: 'bodies',
  attempts: [
    patch('another org', '{"name":"x","orgId":2}'),
    patch('another id', '{"name":"x","id":2}'),
    patch('a version', '{"name":"x","version":1}'),
    patch('a prototype', '{"name":"x","__proto__":{"orgId":2}}'),
    patch('a constructor’s prototype', '{"name":"x","constructor":{"prototype":{"orgId":2}}}'),
    patch('a property whose name has 60 kB', JSON.stringify({ [`<script>${'x'.repeat(60_000)}`]: 1 })),
    patch(
      'a thousand unknown properties',
      JSON.stringify(Object.fromEntries([...Array(1_000).keys()].map((n) => [`p${n}`, n]))),
    ),
    patch('a list', '[{"name":"x"}]'),
    patch('a text', '"name"'),
    patch('null', 'null'),
    patch('nothing', ''),
    patch('an object without a property', '{}'),
    patch('a name that is a number', '{"name":1}'),
    patch('a name that is an object', '{"name":{"$ne":null}}'),
    patch('a name that is a list', '{"name":["x"]}'),
    patch('a NUL in a name', '{"name":"a\\u0000b"}'),
    patch('half a character in a name', '{"name":"a\\ud83d"}'),
    patch('halves of characters the wrong way round', '{"name":"\\ude00\\ud83d"}'),
    patch('a name of 201 characters beyond U+FFFF', JSON.stringify({ name: '😀'.repeat(201) })),
    patch('a price that is negative', '{"price":-1}'),
    patch('a price that is infinite', '{"price":1e999}'),
    patch('a price that is a text', '{"price":"1; drop table products"}'),
    patch('a price beyond the column', '{"price":10000000000}'),
    patch('JSON that ends early', '{"name":"x"'),
    patch('two documents', '{"name":"x"}{"name":"y"}'),
    patch('a comment', '{"name":"x"/*y*/}'),
    patch('a byte-order mark and no JSON', '\ufeff<x/>'),
    patch('bytes that are no UTF-8', new Uint8Array([0x7b, 0x22, 0xff, 0x22, 0x3a, 0x31, 0x7d])),
    patch('60,000 brackets', '['.repeat(60_000)),
    patch('an object 10,000 deep', `${'{"a":'.repeat(10_000)}1${'}'.repeat(10_000)}`, [400, 413]),
    patch('more than 64 KiB', JSON.stringify({ name: 'x'.repeat(70_000) }), [413]),
    patch('XML with an entity', '<!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]><x>&e;</x>'),
  ],
};
