import type { ReadRecord, WriteRecord } from '../history.ts';
import type { KnownBy } from './known.ts';
import { describeRead, ms, type Violation } from './violation.ts';

/**
 * I1 and I2: no read is older than the writes acknowledged before it began; elsewhere with a bound of D, on the writer
 * itself with none. {@link KnownBy} says from when on a write counts elsewhere.
 * A flagged read is held to its window (I3); on the writer itself no less than an unflagged one to what was deleted there.
 */
export function checkFreshness(
  reads: readonly ReadRecord[],
  writes: readonly WriteRecord[],
  maxLagMs: number,
  known: KnownBy,
): Violation[] {
  const all = newestByMoment(writes, known);
  const { own: deletedHere } = newestByMoment(
    writes.filter(({ mode }) => mode === 'delete'),
    known,
  );
  return reads.flatMap((read) => {
    const own = read.flagged ? deletedHere : all.own;
    const others = read.flagged ? undefined : newest(all.everywhere.get(read.key), read.start - maxLagMs);
    if (others !== undefined && others.version > read.version) return [violation('I1', read, others, known.of(others))];
    const mine = newest(own.get(`${read.instance} ${read.key}`), read.start - AN_INSTANT);
    if (mine !== undefined && mine.version > read.version) return [violation('I2', read, mine, mine.acknowledgedAt)];
    return [];
  });
}

/** Two things of one moment have no order that their times would show. */
const AN_INSTANT = 1e-6;

/** Moments in order, each with the newest write known by then. */
type Timeline = { readonly at: number; readonly write: WriteRecord }[];

/** By key for everybody, by instance and key for the writer. */
function newestByMoment(writes: readonly WriteRecord[], known: KnownBy) {
  return {
    everywhere: timelines(
      writes,
      ({ key }) => key,
      (write) => known.of(write),
    ),
    own: timelines(
      writes,
      ({ instance, key }) => `${instance} ${key}`,
      ({ acknowledgedAt = Infinity }) => acknowledgedAt,
    ),
  };
}

function timelines(
  writes: readonly WriteRecord[],
  nameOf: (write: WriteRecord) => string,
  momentOf: (write: WriteRecord) => number,
): Map<string, Timeline> {
  const found = new Map<string, Timeline>();
  const known = writes.flatMap((write) => {
    const at = momentOf(write);
    return at === Infinity ? [] : [{ at, write }];
  });
  for (const { at, write } of known.sort((one, other) => one.at - other.at)) {
    const name = nameOf(write);
    const timeline = found.get(name) ?? [];
    const last = timeline.at(-1)?.write;
    timeline.push({ at, write: last !== undefined && last.version > write.version ? last : write });
    found.set(name, timeline);
  }
  return found;
}

/** The newest write known at a moment, by halving. */
function newest(timeline: Timeline = [], moment: number): WriteRecord | undefined {
  let low = 0;
  let high = timeline.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((timeline[middle]?.at ?? Infinity) <= moment) low = middle + 1;
    else high = middle;
  }
  return timeline[low - 1]?.write;
}

function violation(invariant: 'I1' | 'I2', read: ReadRecord, write: WriteRecord, at = 0): Violation {
  const where = invariant === 'I2' ? 'here' : `by ${write.instance}`;
  return {
    invariant,
    at: read.end,
    message: `${describeRead(read)}, but version ${write.version} was ${write.mode}d ${where} ${ms(read.start - at)} before`,
  };
}
