/** Names with these beginnings belong to this service. */
const OURS = /^(?:CACHE|TIERCEL|REDIS)_/;

/** `readTtls` refuses the TTL of an unknown group, so these names are left to it. */
const TTL_PREFIX = 'CACHE_TTL_';

/**
 * Matches names that Kubernetes sets for services called `redis` and the like, and names that other programs of this project
 * read.
 */
const OTHERS = /^REDIS_(?:PORT|SERVICE_)|_SERVICE_(?:HOST|PORT)|_PORT(?:_\d+_(?:TCP|UDP)(?:_\w+)?)?$|^TIERCEL_TEST_/;

/**
 * Returns one sentence for each variable that looks like one of this service and is not. The sentence names the nearest
 * known variable, if one is near.
 * @param known Every name that counts, `…_FILE` and TTLs of groups included.
 */
export function misspelt(names: Iterable<string>, known: readonly string[]): string[] {
  const all = new Set(known);
  return [...names]
    .filter((name) => OURS.test(name) && !name.startsWith(TTL_PREFIX) && !OTHERS.test(name) && !all.has(name))
    .sort()
    .map((name) => {
      const near = nearest(name, known);
      const advice = near === undefined ? '`bun start --help` names them all' : `the nearest is ${near}`;
      return `${name} is no variable of this service and is ignored; ${advice}`;
    });
}

/**
 * Returns the known name that the operator probably meant. It differs in a few characters, or one of the two names continues
 * the other.
 */
function nearest(name: string, known: readonly string[]): string | undefined {
  const goesOn = (one: string) => one.startsWith(`${name}_`) || name.startsWith(`${one}_`);
  // The prefix is the same for all names, so it does not help to choose one.
  const ownLength = name.replace(OURS, '').length;
  const most = Math.max(2, Math.floor(ownLength / 3));
  return known
    .map((one) => ({ one, distance: distanceOf(name, one) }))
    .filter(({ one, distance }) => distance <= most || goesOn(one))
    .reduce<{ readonly one?: string; readonly distance: number }>(
      (best, next) => (next.distance < best.distance ? next : best),
      { distance: Infinity },
    ).one;
}

/** Counts the insertions, removals and exchanges of one character that turn one text into the other (Levenshtein). */
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
