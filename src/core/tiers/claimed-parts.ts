import { InvalidOptionError } from '../model/errors.ts';

/** The options whose objects belong to one cache. */
export interface OwnedParts {
  readonly l1: object;
  readonly l2?: (object & MadeWith) | undefined;
  readonly bus?: object | undefined;
  readonly outbox?: object | undefined;
}

/** One registry for all copies of this library in a process. */
const REGISTRY = Symbol.for('tiercel.claimed');

const TAKEN = 'an object of its own: this one was given to a cache before, and a cache keeps what it was given';

const WITH_ANOTHER_L2 = 'the one that was made with this l2: both come from one call of redis()';

/**
 * Claims these objects for one cache, all or none. An L1 would answer one cache with the entries of another, and a
 * connection that two caches have started tells one of them alone what it hears. A cache that is closed has closed them
 * too, so the claim is for good.
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
  // What stands between a cache and its tier, to watch it or to trouble it, is another object; this one stays the same.
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

/** A tier or a bus that knows what was made with it. */
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
