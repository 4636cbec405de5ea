import { describe, expect, test } from 'bun:test';
import { invalidationHead, parseMessage } from '../../../src/adapters/redis/protocol/message.ts';
import type { Targets } from '../../../src/core/model/invalidation.ts';
import { MAX_KEY_BYTES, toId } from '../../../src/core/model/key.ts';

const MOST_BYTES = 8 * 2 ** 20;

/** As the script ends what the caller has begun. */
function published(targets: Targets): string {
  const order = { origin: 'i0', mode: 'delete', targets } as const;
  return `${invalidationHead(order)},"epoch":"0123456789abcdef","sequence":7}`;
}

/** The message with blanks before its end, so that it has so many bytes. */
function padded(message: string, bytes: number): Uint8Array {
  const text = `${message.slice(0, -1)}${' '.repeat(bytes - message.length)}}`;
  return new TextEncoder().encode(text);
}

describe('a message of the bus', () => {
  const message = published({ ids: ['k'], tags: ['t'] });

  test('may have 8 MiB', () => {
    const read = parseMessage(padded(message, MOST_BYTES), 'invalidation');
    expect(read).toMatchObject({ kind: 'invalidation', targets: { ids: ['k'], tags: ['t'] } });
  });

  test('of one byte more is dropped before it is read', () => {
    const read = parseMessage(padded(message, MOST_BYTES + 1), 'invalidation');
    expect(read).toBe('8388609 bytes are more than a message has');
  });

  test('with a thousand names of the greatest length, each byte escaped, is short enough', () => {
    const longest = '"'.repeat(MAX_KEY_BYTES);
    const ids = new Array<string>(1_000).fill(toId(longest, longest));
    const bytes = new TextEncoder().encode(published({ ids, tags: [] }));
    expect(parseMessage(bytes, 'invalidation')).toMatchObject({ targets: { ids } });
  });
});
