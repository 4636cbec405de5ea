import { strongEtag } from './etag.ts';
import { HitHeaders } from './hit-headers.ts';

/** The bytes of a value, and the headers that follow from them. */
export interface Representation {
  readonly body: string;
  readonly etag: string;
  /** Headers of every answer with these bytes. */
  readonly headers: Readonly<Record<string, string>>;
  readonly hits: HitHeaders;
}

/** Makes headers that depend on the value alone, beside those of the representation. It is called once per value. */
export type ValueHeaders<V> = (value: V) => Readonly<Record<string, string>>;

/**
 * Keeps the representation of each value with the value. A cached value is frozen and is the same object at each hit.
 * It is encoded and hashed once, and its representation goes when the entry goes.
 */
const known = new WeakMap<object, Representation>();

/** Returns the JSON representation of a value that came out of the cache. */
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
