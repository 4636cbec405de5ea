/** The pids of a process and all its descendants, the process itself first; of a dead one only itself. */
export function processTree(root: number): number[] {
  const { stdout } = Bun.spawnSync(['ps', '-A', '-o', 'pid=,ppid=']);
  const children = new Map<number, number[]>();
  for (const line of stdout.toString().split('\n')) {
    const [pid, parent] = line.trim().split(/\s+/).map(Number);
    if (pid === undefined || parent === undefined) continue;
    children.set(parent, [...(children.get(parent) ?? []), pid]);
  }
  const tree = [root];
  for (const pid of tree) tree.push(...(children.get(pid) ?? []));
  return tree;
}

/** The processes of a group that still run, each as its id and command. */
export function processGroup(group: number): string[] {
  const { stdout } = Bun.spawnSync(['ps', '-A', '-o', 'pgid=,stat=,pid=,args=']);
  const lines = stdout.toString().split('\n');
  const rows = lines.map((line) => line.match(/^\s*(\d+)\s+(\S+)\s+(.*)$/));
  return rows.flatMap((row) => (row && Number(row[1]) === group && !row[2]?.startsWith('Z') ? [row[3] ?? ''] : []));
}

/** Sends a signal to each process that still exists; a negative id names a whole group. */
export function signalAll(pids: readonly number[], signal: NodeJS.Signals): void {
  for (const pid of pids) {
    try {
      process.kill(pid, signal);
    } catch (error) {
      if (!isNoSuchProcess(error)) throw error;
    }
  }
}

/** Whether one of these processes still runs; those that have ended and were not yet collected do not. */
export function anyAlive(pids: readonly number[]): boolean {
  if (pids.length === 0) return false;
  const { stdout } = Bun.spawnSync(['ps', '-o', 'stat=', '-p', pids.join(',')]);
  return stdout
    .toString()
    .split('\n')
    .some((state) => state !== '' && !state.startsWith('Z'));
}

function isNoSuchProcess(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ESRCH';
}
