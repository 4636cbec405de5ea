/** The middle of some figures. @throws Error when there are none. */
export function median(figures: readonly number[]): number {
  return percentile(figures, 50);
}

/** The least figure that so many percent of all do not exceed. @throws Error when there are none. */
export function percentile(figures: readonly number[], percent: number): number {
  const sorted = figures.toSorted((a, b) => a - b);
  const figure = sorted[Math.max(0, Math.ceil((sorted.length * percent) / 100) - 1)];
  if (figure === undefined) throw new Error('there are no figures to measure by');
  return figure;
}

/** Prints milliseconds that a test has measured, once: what a bound hides is worth seeing. */
export function printFigures(what: string, figures: readonly number[]): void {
  const [p50, p95, p99, most] = [50, 95, 99, 100].map((percent) => percentile(figures, percent).toFixed(2));
  process.stdout.write(
    `[measured] ${what}: median ${p50} ms, p95 ${p95} ms, p99 ${p99} ms, max ${most} ms (n=${figures.length})\n`,
  );
}

/** Runs something and tells how long it took, in milliseconds. */
export async function timed<T>(work: () => Promise<T>): Promise<{ readonly value: T; readonly ms: number }> {
  const began = performance.now();
  const value = await work();
  return { value, ms: performance.now() - began };
}
