/** One registry for all copies of this library in a process. */
const REGISTRY = Symbol.for('tiercel.redis.live');

/** Places that are watched at once; caches beyond that are not told of each other. */
const MOST_PLACES = 1_000;

/**
 * Counts the open caches of this process at each place: an address, a database and a namespace. Two caches at one place
 * are correct, but each has connections and an L1 of its own: mostly one of them was made by a hot reload and never closed.
 * @param warn Called when this is the second one; not for those that follow.
 * @returns Call it when the cache is closed.
 */
export function enterPlace(place: string, warn: (warning: string) => void): () => void {
  const places = livePlaces();
  const others = places.get(place) ?? 0;
  if (others === 0 && places.size >= MOST_PLACES) return () => {};
  places.set(place, others + 1);
  if (others === 1) warn(`Two open caches of this process share ${place}. Close one, or give each its own name.`);
  let isHere = true;
  return () => {
    if (!isHere) return;
    isHere = false;
    const left = (places.get(place) ?? 1) - 1;
    if (left > 0) places.set(place, left);
    else places.delete(place);
  };
}

function livePlaces(): Map<string, number> {
  const held: unknown = Reflect.get(globalThis, REGISTRY);
  if (held instanceof Map) return held;
  const made = new Map<string, number>();
  Object.defineProperty(globalThis, REGISTRY, { value: made });
  return made;
}
