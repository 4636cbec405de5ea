/**
 * A strong entity tag of a body: equal bytes give equal tags on every instance and runtime.
 *
 * 64 bits of a non-cryptographic hash (cyrb53's two lanes, kept whole) beside the length. The platform's own digest is
 * asynchronous, which an answer made from memory cannot afford, and nothing here needs resistance against a forger: a
 * tag is only compared with other versions of the same resource, where an accident has a chance of 2⁻⁶⁴.
 * It hashes UTF-16 units, which stand for the bytes one to one: `JSON.stringify` leaves no lone surrogate.
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
