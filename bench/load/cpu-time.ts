import { readFileSync } from 'node:fs';

/** Linux counts a process's time in hundredths of a second, whatever its kernel's own clock. */
const MICROS_PER_TICK = 10_000;

/**
 * CPU time that a process has used so far, its own and the kernel's on its behalf, in microseconds.
 * @returns NaN where there is no `/proc`.
 */
export function cpuMicros(pid: number): number {
  try {
    // The name of the program comes before, in brackets, and may hold blanks.
    const fields = readFileSync(`/proc/${pid}/stat`, 'utf8')
      .replace(/^.*\) /s, '')
      .split(' ');
    return (Number(fields[11]) + Number(fields[12])) * MICROS_PER_TICK;
  } catch {
    return Number.NaN;
  }
}
