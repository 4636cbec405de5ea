import { writeFileSync } from 'node:fs';

/** The words to put before a command that is to leave the processors to others, from 0, not at all, to 19. It keeps its pid. */
export function givingWay(niceness: number): string[] {
  return niceness === 0 || Bun.which('nice') === null ? [] : ['nice', '-n', String(niceness)];
}

/** Where Linux shares the processors among sessions first, a process that leads one of its own gives way by this alone. */
export function giveSessionWay(pid: number, niceness: number): void {
  try {
    writeFileSync(`/proc/${pid}/autogroup`, String(niceness));
  } catch {
    // There are no such groups here.
  }
}
