/** One entity tag, weak or strong, as RFC 9110 §8.8.3 spells it. Sticky: it matches where the last match ended. */
const ENTITY_TAG = /[\t ,]*(?:W\/)?("[\x21\x23-\x7e\x80-\uffff]*")[\t ]*(?=,|$)/y;

/**
 * Whether an `If-None-Match` field names the tag, by weak comparison (RFC 9110 §13.1.2): a list of tags, or `*`.
 * A field that is neither is ignored from the first character that cannot be read, in linear time.
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
