import { strongEtag } from './etag.ts';
import { HitHeaders } from './hit-headers.ts';

/** The bytes of a value and what is known from them alone. */
export interface Representation {
  readonly body: string;
  readonly etag: string;
  /** Headers of every answer with these bytes. */
  readonly headers: Readonly<Record<string, string>>;
  readonly hits: HitHeaders;
}

/** Headers that the value alone decides, beside those of the representation. Called once per value. */
export type ValueHeaders<V> = (value: V) => Readonly<Record<string, string>>;

/** Values from the cache are frozen and the same object on each hit: encoded once, hashed once, gone with the entry. */
const known = new WeakMap<object, Representation>();

/** The JSON representation of a value that came out of the cache. */
export function represent<V>(value: V, valueHeaders?: ValueHeaders<V>): Representation {
  if (typeof value !== 'object' || value === null) return encode(value, valueHeaders);
  const before = known.get(value);
  if (before !== undefined) return before;
  const representation = encode(value, valueHeaders);
  known.set(value, representation);
  return representation;
}

function encode<V>(value: V, valueHeaders: ValueHeaders<V> | undefined): Representation {
  const body = JSON.stringify(value);
  const etag = strongEtag(body);
  const headers = { 'content-type': 'application/json', etag, ...valueHeaders?.(value) };
  return { body, etag, headers, hits: new HitHeaders(headers) };
}
