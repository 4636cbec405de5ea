import { constants, deflateRawSync, gzipSync } from 'node:zlib';

const BLOCK_BYTES = 16 * 2 ** 20;
const BLOCKS = 64;

/** A gigabyte of zeros as gzip of a megabyte, made without ever holding it: a flushed block can stand there many times. */
export function gigabyteOfZeros(): Buffer {
  const header = gzipSync('').subarray(0, 10);
  const block = deflateRawSync(Buffer.alloc(BLOCK_BYTES), { finishFlush: constants.Z_FULL_FLUSH });
  return Buffer.concat([header, ...new Array<Buffer>(BLOCKS).fill(block)]);
}
