import type { BusMessage, Invalidation, InvalidationOrder, Targets } from '../../../core/model/invalidation.ts';

/**
 * Of the messages' form. A message of another format is dropped, and its number is then missing: a gap, after which L1 is
 * cleared. Fields that this version does not know, such as a `mac`, are ignored.
 */
const FORMAT = 2;

/** A thousand names of the greatest length, each byte escaped, fit in here; Redis drops subscribers not far beyond. */
const MOST_BYTES = 8 * 2 ** 20;

/** Makes the `mac` of a message from what it says; see `Integrity`. */
type Sign = (order: InvalidationOrder) => string;

/** True when the `mac` of a message belongs to its content. */
type Verify = (order: InvalidationOrder, mac: unknown) => boolean;

/** The answer of {@link parseMessage} for a message that its `mac` does not belong to: what it replaces may be lost. */
export const UNSIGNED = 'its MAC is wrong or missing';

/** Bytes outside of texts that a message of {@link MOST_NAMES} keys and as many tags has, and room for later fields. */
const MOST_PARTS = 4_096;

/** Names in one message; callers split longer orders. */
const MOST_NAMES = 1_000;

/**
 * The JSON of an invalidation without its last brace: the script that gives the number appends epoch and number.
 * Names only, never values.
 */
export function invalidationHead(order: InvalidationOrder, sign?: Sign): string {
  const { origin, mode, targets } = order;
  const mac = sign?.(order);
  return head({ format: FORMAT, kind: 'invalidation', origin, mode, targets, ...(mac !== undefined && { mac }) });
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
 * @param verify Asked of each invalidation, where messages are signed. Of a heartbeat the nonce is the proof: it has been
 *   drawn for this one.
 * @returns The message, or the reason why it is none.
 */
export function parseMessage(bytes: Uint8Array, kind: BusMessage['kind'], verify?: Verify): BusMessage | string {
  if (bytes.length > MOST_BYTES) return `${bytes.length} bytes are more than a message has`;
  if (hasTooManyParts(bytes)) return 'it has more parts than a message';
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
  const message = invalidation(given, epoch, sequence);
  return typeof message === 'string' || verify === undefined || verify(message, given.mac) ? message : UNSIGNED;
}

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const PARTS: ReadonlySet<number> = new Set([...',[{'].map((part) => part.charCodeAt(0)));

/**
 * True when JSON has so many lists, objects and elements that making them takes long: a megabyte of brackets takes half a second.
 * Texts are skipped, since names may hold anything.
 */
function hasTooManyParts(bytes: Uint8Array): boolean {
  if (bytes.length <= MOST_PARTS) return false;
  let parts = 0;
  let isText = false;
  for (let at = 0; at < bytes.length; at += 1) {
    const byte = bytes[at];
    if (isText && byte === BACKSLASH) at += 1;
    else if (byte === QUOTE) isText = !isText;
    else if (!isText && byte !== undefined && PARTS.has(byte)) parts += 1;
    if (parts > MOST_PARTS) return true;
  }
  return false;
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
