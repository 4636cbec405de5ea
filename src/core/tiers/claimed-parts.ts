import { InvalidOptionError } from '../model/errors.ts';

/** The options whose objects belong to one cache. */
export interface OwnedParts {
  readonly l1: object;
  readonly l2?: (object & MadeWith) | undefined;
  readonly bus?: object | undefined;
  readonly outbox?: object | undefined;
}

/** The key of the registry that all copies of this library in a process share. */
const REGISTRY = Symbol.for('tiercel.claimed');

const TAKEN = 'an object of its own: this one belongs to another cache, even if that cache is closed';

const WITH_ANOTHER_L2 = 'the one that was made with this l2: both come from one call of redis()';

/**
 * Claims these objects for one cache, all or none. A shared L1 would answer one cache with the entries of another. A
 * connection that two caches have started tells only one of them about its events. A claim never ends, because a cache
 * that closes also closes its parts.
 * @throws {@link InvalidOptionError} naming the option.
 */
export function claimParts(parts: OwnedParts): void {
  const claimed = claimedObjects();
  const mine = new Set<object>();
  for (const option of ['l1', 'l2', 'bus', 'outbox'] as const) {
    const part = parts[option];
    if (part === undefined) continue;
    if (claimed.has(part) || mine.has(part)) throw new InvalidOptionError(option, part, TAKEN);
    mine.add(part);
  }
  // A wrapper around a tier is another object for each cache. The pair behind it stays the same.
  const pair = parts.l2?.madeWith;
  if (pair !== undefined && claimed.has(pair)) throw new InvalidOptionError('l2', parts.l2, TAKEN);
  for (const part of mine) claimed.add(part);
  if (pair !== undefined) claimed.add(pair);
}

/** @throws {@link InvalidOptionError} naming `bus` when it was made with another L2 than this. */
export function assertMadeTogether(l2: MadeWith | undefined, bus: MadeWith | undefined): void {
  if (l2?.madeWith === undefined || bus?.madeWith === undefined || l2.madeWith === bus.madeWith) return;
  throw new InvalidOptionError('bus', bus, WITH_ANOTHER_L2);
}

/** A tier or a bus that knows the pair with which it was made. */
interface MadeWith {
  readonly madeWith?: object | undefined;
}

function claimedObjects(): WeakSet<object> {
  const held: unknown = Reflect.get(globalThis, REGISTRY);
  if (held instanceof WeakSet) return held;
  const made = new WeakSet<object>();
  Object.defineProperty(globalThis, REGISTRY, { value: made });
  return made;
}
