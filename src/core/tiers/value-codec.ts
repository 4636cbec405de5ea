import { weighAs } from '../model/entry-size.ts';
import { CodecError, InvalidValueError } from '../model/errors.ts';
import { isCloneable } from '../model/value.ts';
import type { Codec, Envelope, ValueCodec } from '../ports/codec.ts';
import { dropRejection } from '../primitives/quietly.ts';
import { encodeAs, openAs } from './json-codec.ts';

/** Another form than plain JSON, so that a cache without the codec never hands out what the codec has encoded. */
const FORMAT = 5;

/** A decoded value takes about so many times the bytes of its JSON. */
const HEAP_PER_BYTE = 3;

/** How a further copy of a decoded value is made. */
interface Origin {
  readonly body: string | Uint8Array;
  cloneable: boolean | undefined;
}

/**
 * Envelopes whose values the user's codec encodes and decodes. A value is decoded once, when it is loaded or read from L2.
 * `null` is not given to the codec: it means that the source has none.
 * @param copies Whether each caller gets a copy of its own: what a codec makes cannot be frozen.
 */
export function valueCodecOf(codec: ValueCodec, copies: boolean): Codec {
  const origins = new WeakMap<object, Origin>();
  const decode = (body: string | Uint8Array): Envelope => {
    const envelope = openAs(FORMAT, body);
    return { ...envelope, value: decoded(codec, envelope.value) };
  };

  return {
    format: FORMAT,
    encode: (envelope) => encodeAs(FORMAT, envelope),

    written(value, key) {
      if (value === undefined || value === null) return value;
      try {
        return [codec.encode(value)];
      } catch (cause) {
        throw new InvalidValueError('cannot be encoded by the codec', { key, cause });
      }
    },

    decode(body) {
      const envelope = decode(body);
      const { value } = envelope;
      if (typeof value !== 'object' || value === null) return envelope;
      weighAs(value, HEAP_PER_BYTE * body.length);
      if (copies) origins.set(value, { body, cloneable: undefined });
      return envelope;
    },

    copyOf(value) {
      const origin = typeof value === 'object' && value !== null ? origins.get(value) : undefined;
      if (origin === undefined) return value;
      origin.cloneable ??= isCloneable(value);
      return origin.cloneable ? structuredClone(value) : decode(origin.body).value;
    },
  };
}

/** @throws {@link CodecError} when the codec throws, or answers what is no value. */
function decoded(codec: ValueCodec, written: unknown): unknown {
  if (written === null) return null;
  if (!Array.isArray(written) || written.length !== 1) throw new CodecError('no codec has encoded their value');
  let value: unknown;
  try {
    value = codec.decode(written[0]);
  } catch (cause) {
    throw new CodecError('the codec cannot decode their value', { cause });
  }
  if (value === undefined) throw new CodecError('the codec makes undefined of their value');
  if (value instanceof Promise) {
    dropRejection(value);
    throw new CodecError('the codec makes a promise of their value, and must not');
  }
  return value;
}
