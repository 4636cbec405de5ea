/**
 * Matches one entity tag, weak or strong, as RFC 9110 §8.8.3 spells it. It is sticky: a match begins where the last one
 * ended.
 */
const ENTITY_TAG = /[\t ,]*(?:W\/)?("[\x21\x23-\x7e\x80-\uffff]*")[\t ]*(?=,|$)/y;

/**
 * Tells if an `If-None-Match` field names the tag, by weak comparison (RFC 9110 §13.1.2). The field is a list of tags,
 * or `*`. The function ignores the rest of the field from the first character that it cannot read. It takes linear
 * time.
 * @example
 * ```ts
 * import { ifNoneMatch } from 'tiercel/elysia';
 *
 * ifNoneMatch('W/"a", "b"', '"a"'); // true
 * ```
 */
export function ifNoneMatch(field: string, etag: string): boolean {
  if (field === etag || field.trim() === '*') return true;
  ENTITY_TAG.lastIndex = 0;
  for (;;) {
    const match = ENTITY_TAG.exec(field);
    if (match === null) return false;
    if (match[1] === etag) return true;
  }
}
