import { CodecError, InvalidValueError } from './errors.ts';
import type { Parts } from './parts.ts';
import type { StoredValue } from './ports.ts';

type Body = StoredValue['body'];

/** UTF-8 takes at most three bytes for each unit of a string. */
const MOST_UNIT_BYTES = 3;

const utf8 = new TextEncoder();

/** What is wrong with a body that L2 shall not be given, or `undefined`. */
export function tooLong({ maxValueBytes }: Pick<Parts, 'maxValueBytes'>, body: Body, key: string): Error | undefined {
  const bytes = lengthAbove(maxValueBytes, body);
  if (bytes === undefined) return undefined;
  return new InvalidValueError(`takes ${bytes} bytes when encoded; maxValueBytes is ${maxValueBytes}`, {
    key,
    tier: 'l2',
  });
}

/** A body as it goes to L2. */
export function packed({ remote }: Pick<Parts, 'remote'>, body: Body): Body {
  return remote?.tier.packing?.pack(body) ?? body;
}

/**
 * A body as the codec made it, from how L2 holds it.
 * @throws {@link CodecError} when it is damaged or too long, by whatever limit it was written.
 */
export function unpacked({ remote, maxValueBytes }: Pick<Parts, 'remote' | 'maxValueBytes'>, body: Body): Body {
  const bytes = lengthAbove(maxValueBytes, body);
  if (bytes !== undefined) throw new CodecError(`they are ${bytes} bytes; maxValueBytes is ${maxValueBytes}`);
  return remote?.tier.packing?.unpack(body, maxValueBytes) ?? body;
}

/** In bytes. Only a text that may be too long is measured: its length alone clears most. */
function lengthAbove(limit: number, body: Body): number | undefined {
  if (typeof body === 'string' && body.length * MOST_UNIT_BYTES <= limit) return undefined;
  const bytes = typeof body === 'string' ? utf8.encode(body).length : body.length;
  return bytes > limit ? bytes : undefined;
}
