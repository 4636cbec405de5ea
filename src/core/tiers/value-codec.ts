import { weighAs } from '../model/entry-size.ts';
import { CodecError, InvalidValueError } from '../model/errors.ts';
import { isCloneable } from '../model/value.ts';
import type { Codec, Envelope, ValueCodec } from '../ports/codec.ts';
import { dropRejection } from '../primitives/quietly.ts';
import { encodeAs, openReadable } from './json-codec.ts';

/** A format of its own, so that a cache without the codec never returns a value that the codec has encoded. */
const FORMAT = 5;

/** The approximate heap size of a decoded value for each byte of its JSON. */
const HEAP_PER_BYTE = 3;

/** The source of further copies of a decoded value. */
interface Origin {
  readonly body: string | Uint8Array;
  cloneable: boolean | undefined;
}

/**
 * Returns a codec of envelopes whose values the user's codec encodes and decodes. A value is decoded once, when it is
 * loaded or read from L2. The user's codec never gets `null`, which means that the source has no value.
 * @param copies True when each caller gets its own copy, because values of a codec cannot be frozen.
 */
export function valueCodecOf(codec: ValueCodec, copies: boolean): Codec {
  const origins = new WeakMap<object, Origin>();
  const decode = (body: string | Uint8Array): Envelope => {
    const envelope = openReadable(FORMAT, body);
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

/** Decodes a value. @throws {@link CodecError} when the codec throws or returns no value. */
function decoded(codec: ValueCodec, written: unknown): unknown {
  if (written === null) return null;
  if (!Array.isArray(written) || written.length !== 1) throw new CodecError('their value was not written by a codec');
  let value: unknown;
  try {
    value = codec.decode(written[0]);
  } catch (cause) {
    throw new CodecError('the codec cannot decode their value', { cause });
  }
  if (value === undefined) throw new CodecError('the codec decodes their value to undefined');
  if (value instanceof Promise) {
    dropRejection(value);
    throw new CodecError('the codec decodes their value to a promise; decode must be synchronous');
  }
  return value;
}
