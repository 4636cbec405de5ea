/** The unit of durations is an eighth of a millisecond, up to 131 s. */
const UNITS_PER_MS = 8;

const MOST_UNITS = 2 ** 20 - 1;

/** Each octave has 16 slots. The beginning of a slot is therefore at most a sixteenth below the durations in it. */
const SLOT_BITS = 4;

const SLOTS_PER_OCTAVE = 2 ** SLOT_BITS;

/** Below this number of units, each unit has its own slot. */
const LINEAR_SLOTS = 2 * SLOTS_PER_OCTAVE;

/** The number of slots of a histogram. */
export const DURATION_SLOTS = slotOf(Infinity) + 1;

/**
 * Returns the slot of a duration in a histogram whose slots grow with their durations. It costs a few operations and no
 * memory for each count. After Tene's HdrHistogram.
 */
export function slotOf(ms: number): number {
  const units = Math.min(Math.max(ms * UNITS_PER_MS, 0), MOST_UNITS) | 0;
  if (units < LINEAR_SLOTS) return units;
  const shift = 31 - Math.clz32(units) - SLOT_BITS;
  return shift * SLOTS_PER_OCTAVE + (units >> shift);
}

/** Returns the shortest duration that a slot counts, in milliseconds. */
export function startOfSlot(slot: number): number {
  if (slot < LINEAR_SLOTS) return slot / UNITS_PER_MS;
  const shift = (slot >> SLOT_BITS) - 1;
  return (((slot % SLOTS_PER_OCTAVE) + SLOTS_PER_OCTAVE) << shift) / UNITS_PER_MS;
}
