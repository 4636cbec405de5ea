import { Buffer } from 'node:buffer';

/** How the scripts take a stay: whole milliseconds, 0 for no expiry. */
export function stay(keepFor: number): number {
  return keepFor === Infinity ? 0 : Math.max(1, Math.ceil(keepFor));
}

/** Without a copy: the client takes strings and Buffers only. */
export function bytesOf(body: string | Uint8Array): string | Buffer {
  return typeof body === 'string' ? body : Buffer.from(body.buffer, body.byteOffset, body.byteLength);
}
