import { readFileSync } from 'node:fs';

/** Linux counts a process's time in hundredths of a second, independent of the clock of its kernel. */
const MICROS_PER_TICK = 10_000;

/**
 * Returns the CPU time that a process has used so far, in user and in kernel mode. Microseconds.
 * @returns NaN where there is no `/proc`.
 */
export function cpuMicros(pid: number): number {
  try {
    // The name of the program comes before these fields, in brackets, and may hold blanks.
    const fields = readFileSync(`/proc/${pid}/stat`, 'utf8')
      .replace(/^.*\) /s, '')
      .split(' ');
    return (Number(fields[11]) + Number(fields[12])) * MICROS_PER_TICK;
  } catch {
    return Number.NaN;
  }
}
