import { median } from '../../tests/integration/support/measure.ts';
import type { AwaitedLoop } from './loops.ts';

/** Few enough that no collection begins in between, enough that the heap's own steps do not show. */
const CALLS = 10_000;
const ROUNDS = 9;

/** What one call leaves on the heap for the collector, in bytes: the growth of the heap, divided. The loop is warm. */
export async function bytesPerCall(loop: AwaitedLoop): Promise<number> {
  const figures: number[] = [];
  for (let round = 0; round < ROUNDS; round += 1) {
    // The event loop has its turn: what is due meanwhile is due, the heartbeats of a cache among it.
    await Bun.sleep(1);
    Bun.gc(true);
    const before = process.memoryUsage().heapTotal;
    await loop(CALLS);
    figures.push((process.memoryUsage().heapTotal - before) / CALLS);
  }
  return median(figures);
}
