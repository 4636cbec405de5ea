import { type AimRow, type Row, report } from './report.ts';

/** The measurements of a benchmark. */
export interface Measured {
  readonly rows: readonly Row[];
  readonly aims?: readonly AimRow[];
}

/**
 * Runs a benchmark's whole process: it measures, closes everything that it opened, writes the result and exits. Some
 * peers keep their connections open, which would keep the process alive for ever.
 *
 * @param owner Owns servers and caches.
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

/** The longest time to close everything. Servers end with this process anyway. */
const CLOSING_MS = 5_000;
