import { readdirSync, readFileSync } from 'node:fs';

/** What a process takes from the machine. */
export interface Usage {
  /** Resident memory. */
  readonly megabytes: number;
  /** Open files and sockets. */
  readonly descriptors: number;
}

/** What a process takes now; `undefined` where there is no `/proc`, or when the process has ended. */
export function usageOf(pid: number): Usage | undefined {
  try {
    const status = readFileSync(`/proc/${pid}/status`, 'utf8');
    const kilobytes = Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1]);
    return { megabytes: kilobytes / 1_024, descriptors: readdirSync(`/proc/${pid}/fd`).length };
  } catch {
    return undefined;
  }
}
