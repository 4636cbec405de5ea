/** Names that begin so belong to this service. */
const OURS = /^(?:CACHE|TIERCEL|REDIS)_/;

/** Names that Kubernetes sets for a service of that name, and names that other programs of this project read. */
const OTHERS = /^REDIS_(?:PORT|SERVICE_)|_SERVICE_(?:HOST|PORT)|_PORT(?:_\d+_(?:TCP|UDP)(?:_\w+)?)?$|^TIERCEL_TEST_/;

/**
 * One sentence for each variable that seems to be meant for this service and is none of its own, with the nearest name.
 * @param known Every name that counts, `…_FILE` included.
 */
export function misspelt(names: Iterable<string>, known: readonly string[]): string[] {
  const all = new Set(known);
  return [...names]
    .filter((name) => OURS.test(name) && !name.startsWith('CACHE_TTL_') && !OTHERS.test(name) && !all.has(name))
    .sort()
    .map((name) => `${name} is no variable of this service and is ignored; the nearest is ${nearest(name, known)}`);
}

function nearest(name: string, known: readonly string[]): string {
  const byDistance = known.map((one) => ({ one, distance: distanceOf(name, one) }));
  return byDistance.reduce((best, next) => (next.distance < best.distance ? next : best)).one;
}

/** Insertions, removals and exchanges of one character that turn one text into the other (Levenshtein). */
function distanceOf(one: string, other: string): number {
  let previous = Array.from({ length: other.length + 1 }, (_, index) => index);
  for (const [row, character] of [...one].entries()) {
    const current = [row + 1];
    for (let column = 1; column <= other.length; column += 1) {
      const exchanged = (previous[column - 1] ?? 0) + (character === other[column - 1] ? 0 : 1);
      current.push(Math.min(exchanged, (previous[column] ?? 0) + 1, (current[column - 1] ?? 0) + 1));
    }
    previous = current;
  }
  return previous[other.length] ?? 0;
}
