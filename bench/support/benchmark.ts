import { type AimRow, type Row, report } from './report.ts';

/** What a benchmark has measured. */
export interface Measured {
  readonly rows: readonly Row[];
  readonly aims?: readonly AimRow[];
}

/**
 * The whole of a benchmark's process: measures, closes what it has opened, writes the result and ends. Not every peer lets go
 * of its connections, which would keep the process for ever.
 *
 * @param owner Of servers and caches.
 */
export async function benchmark(
  name: string,
  measure: (owner: AsyncDisposableStack) => Promise<Measured>,
): Promise<never> {
  const owner = new AsyncDisposableStack();
  let status = 0;
  try {
    report(name, await measure(owner));
  } catch (error) {
    console.error(error);
    status = 1;
  }
  await Promise.race([owner.disposeAsync(), Bun.sleep(CLOSING_MS)]);
  process.exit(status);
}

/** Longest time to let go of everything; servers end with this process anyway. */
const CLOSING_MS = 5_000;
