import { median } from '../../tests/integration/support/measure.ts';
import type { AwaitedLoop } from './loops.ts';

/** This number is small enough that no collection begins, and large enough that the heap's own steps do not show. */
const CALLS = 10_000;
const ROUNDS = 9;

/**
 * Returns the bytes that one call leaves on the heap for the collector: the growth of the heap, divided. The loop is
 * warm.
 */
export async function bytesPerCall(loop: AwaitedLoop): Promise<number> {
  const figures: number[] = [];
  for (let round = 0; round < ROUNDS; round += 1) {
    // The event loop runs what is due, such as the heartbeats of a cache, before the measurement.
    await Bun.sleep(1);
    Bun.gc(true);
    const before = process.memoryUsage().heapTotal;
    await loop(CALLS);
    figures.push((process.memoryUsage().heapTotal - before) / CALLS);
  }
  return median(figures);
}
