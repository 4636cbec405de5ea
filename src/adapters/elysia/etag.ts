/**
 * Makes a strong entity tag of a body. Equal bytes give equal tags on every instance and runtime.
 *
 * The tag holds the body's length and 64 bits of a non-cryptographic hash (both lanes of cyrb53). The platform's digest
 * is asynchronous, which an answer from memory cannot afford. The tag needs no resistance against a forger: a client
 * compares it only with other versions of the same resource, where two collide with a chance of 2⁻⁶⁴. The function
 * hashes UTF-16 units. They stand for the bytes one to one, since `JSON.stringify` leaves no lone surrogate.
 * @example
 * ```ts
 * import { strongEtag } from 'tiercel/elysia';
 *
 * const body = JSON.stringify({ id: 7 });
 * const answer = new Response(body, { headers: { etag: strongEtag(body) } });
 * ```
 * @returns the tag with its quotes.
 */
export function strongEtag(body: string): string {
  let high = 0xdeadbeef;
  let low = 0x41c6ce57;
  for (let index = 0; index < body.length; index++) {
    const unit = body.charCodeAt(index);
    high = Math.imul(high ^ unit, 2_654_435_761);
    low = Math.imul(low ^ unit, 1_597_334_677);
  }
  const mixedHigh = mix(high, low);
  const mixedLow = mix(low, mixedHigh);
  return `"${body.length.toString(36)}-${hex(mixedHigh)}${hex(mixedLow)}"`;
}

function mix(lane: number, other: number): number {
  return Math.imul(lane ^ (lane >>> 16), 2_246_822_507) ^ Math.imul(other ^ (other >>> 13), 3_266_489_909);
}

function hex(lane: number): string {
  return (lane >>> 0).toString(16).padStart(8, '0');
}
