/**
 * Shows dates, maps and BigInts that come out of a cache as they went in, by a codec, over a server in memory.
 *
 *     bun examples/codec/main.ts
 */
import superjson, { type SuperJSONResult } from 'superjson';
import type { ValueCodec } from 'tiercel';
import { createTestCache } from 'tiercel/testing';

const codec: ValueCodec = {
  encode: (value) => superjson.serialize(value),
  decode: (json) => superjson.deserialize(json as SuperJSONResult),
};

interface Article {
  readonly title: string;
  readonly publishedAt: Date;
  readonly readers: Map<string, bigint>;
}

async function loadArticle(): Promise<Article> {
  return { title: 'On caches', publishedAt: new Date('2026-03-01'), readers: new Map([['all', 2n ** 60n]]) };
}

await using fleet = createTestCache({ codec });
const other = fleet.join();

for (const [name, { cache }] of Object.entries({ 'instance 1': fleet, 'instance 2': other })) {
  const { value, tier } = await cache.lookup('article:1', loadArticle, { tags: ({ title }) => [title] });
  // The value has the type of the loader, and the same members.
  console.log(`${name}, from ${tier}: ${value.publishedAt.getUTCFullYear()}, ${value.readers.get('all')} readers`);
}
