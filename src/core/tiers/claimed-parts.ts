import { InvalidOptionError } from '../model/errors.ts';

/** The options whose objects belong to one cache. */
export type OwnedOption = 'l1' | 'l2' | 'bus' | 'outbox';

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
export function claimParts(parts: Readonly<Partial<Record<OwnedOption, object | undefined>>>): void {
  const claimed = claimedObjects();
  const mine = new Set<object>();
  for (const [option, part] of Object.entries(parts)) {
    if (part === undefined) continue;
    if (claimed.has(part) || mine.has(part)) throw new InvalidOptionError(option, part, TAKEN);
    mine.add(part);
  }
  for (const part of mine) claimed.add(part);
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
