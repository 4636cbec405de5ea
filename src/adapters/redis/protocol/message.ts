import type { BusMessage, Invalidation, InvalidationOrder, Targets } from '../../../core/model/invalidation.ts';

/**
 * Of the messages' form. A message of another format is dropped, and its number is then missing: a gap, after which L1 is
 * cleared. Fields that this version does not know, such as a `mac`, are ignored.
 */
const FORMAT = 2;

/** A thousand names of the greatest length, each byte escaped, fit in here; Redis drops subscribers not far beyond. */
const MOST_BYTES = 8 * 2 ** 20;

/** Names in one message; callers split longer orders. */
const MOST_NAMES = 1_000;

/**
 * The JSON of an invalidation without its last brace: the script that gives the number appends epoch and number.
 * Names only, never values.
 */
export function invalidationHead(order: InvalidationOrder): string {
  const { origin, mode, targets } = order;
  return head({ format: FORMAT, kind: 'invalidation', origin, mode, targets });
}

/** The same for a heartbeat. */
export function heartbeatHead(nonce: string): string {
  return head({ format: FORMAT, kind: 'heartbeat', nonce });
}

function head(message: object): string {
  return JSON.stringify(message).slice(0, -1);
}

/**
 * Reads a message. Other programs may publish anything to a channel, so every field is checked; never throws.
 * @returns The message, or the reason why it is none.
 */
export function parseMessage(bytes: Uint8Array, kind: BusMessage['kind']): BusMessage | string {
  if (bytes.length > MOST_BYTES) return `${bytes.length} bytes are more than a message has`;
  let given: unknown;
  try {
    given = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch {
    return 'it is not JSON';
  }
  if (!isObject(given) || given.format !== FORMAT) return `it is not of format ${FORMAT}`;
  if (given.kind !== kind) return `it is no ${kind}`;
  const { epoch, sequence } = given;
  if (!isEpoch(epoch)) return 'its epoch is none';
  if (!isCount(sequence)) return 'its sequence number is none';
  if (kind === 'heartbeat') {
    const { nonce } = given;
    return typeof nonce === 'string' ? { kind, epoch, sequence, nonce } : 'its nonce is none';
  }
  return invalidation(given, epoch, sequence);
}

function invalidation(given: Fields, epoch: string, sequence: number): Invalidation | string {
  const { origin, mode } = given;
  if (typeof origin !== 'string') return 'its origin is none';
  if (mode !== 'delete' && mode !== 'expire') return 'its mode is none';
  const targets = targetsOf(given.targets);
  if (targets === undefined) return 'its targets are none';
  return { kind: 'invalidation', epoch, sequence, origin, mode, targets };
}

function targetsOf(given: unknown): Targets | undefined {
  if (!isObject(given)) return undefined;
  const { ids, tags, pattern } = given;
  if (!isNames(ids) || !isNames(tags)) return undefined;
  if (pattern === undefined) return { ids, tags };
  if (!isObject(pattern)) return undefined;
  const { namespace, glob } = pattern;
  if (typeof namespace !== 'string' || typeof glob !== 'string') return undefined;
  return { ids, tags, pattern: { namespace, glob } };
}

type Fields = Readonly<Record<string, unknown>>;

function isObject(given: unknown): given is Fields {
  return typeof given === 'object' && given !== null && !Array.isArray(given);
}

function isNames(given: unknown): given is readonly string[] {
  return Array.isArray(given) && given.length <= MOST_NAMES && given.every((name) => typeof name === 'string');
}

function isEpoch(given: unknown): given is string {
  return typeof given === 'string' && /^[0-9a-f]{16}$/.test(given);
}

function isCount(given: unknown): given is number {
  return Number.isSafeInteger(given) && (given as number) > 0;
}
