import { writeFileSync } from 'node:fs';

/** Of 0 to 19: a tenth of a processor that others want as well. */
const NICENESS = 10;

/** The words to put before a command that is to leave the processors to others. It replaces them: the pid stays its own. */
export function givingWay(): string[] {
  return Bun.which('nice') === null ? [] : ['nice', '-n', String(NICENESS)];
}

/** Where Linux shares the processors among sessions first, a process that leads one of its own gives way by this alone. */
export function giveSessionWay(pid: number): void {
  try {
    writeFileSync(`/proc/${pid}/autogroup`, String(NICENESS));
  } catch {
    // There are no such groups here.
  }
}
