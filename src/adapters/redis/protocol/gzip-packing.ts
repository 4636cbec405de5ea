import { Buffer } from 'node:buffer';
import { gunzipSync, gzipSync } from 'node:zlib';
import { CodecError } from '../../../core/model/errors.ts';
import type { Packing } from '../../../core/ports/codec.ts';

/**
 * Of what every supported runtime has, gzip is told from JSON by its first bytes and carries a checksum; zstd shrinks JSON to
 * two thirds of that in about the same time, but came to Node only with 22.15. The lowest level: the next ones take twice to
 * six times as long for a third less.
 */
const LEVEL = 1;

/** The first bytes of each result of {@link gzipSync}. JSON cannot begin with them. */
const GZIP = [0x1f, 0x8b] as const;

/** The saving must be worth the reader's time: bytes that hardly shrink (images, ciphertext) stay as they are. */
const MOST_OF_SIZE = 0.9;

/**
 * Bodies of Redis. Whatever the setting, what others have compressed is understood, so that instances with different
 * settings share their entries.
 * @param threshold Bodies of fewer bytes are stored as they are; `Infinity` compresses none.
 */
export function gzipPacking(threshold: number): Packing {
  return {
    pack(body) {
      if (threshold === Infinity) return body;
      const bytes = typeof body === 'string' ? Buffer.byteLength(body) : body.length;
      if (bytes < threshold) return body;
      const zipped = gzipSync(body, { level: LEVEL });
      return zipped.length <= bytes * MOST_OF_SIZE ? zipped : body;
    },

    unpack(body, maxBytes) {
      if (typeof body === 'string' || body[0] !== GZIP[0] || body[1] !== GZIP[1]) return body;
      try {
        return gunzipSync(body, { maxOutputLength: maxBytes });
      } catch (cause) {
        const isBomb = cause instanceof Error && 'code' in cause && cause.code === 'ERR_BUFFER_TOO_LARGE';
        const problem = isBomb
          ? `they unpack to more than maxValueBytes, which is ${maxBytes}`
          : 'they are damaged gzip';
        throw new CodecError(problem, { cause });
      }
    },
  };
}
