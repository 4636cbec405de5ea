/**
 * The words to put before a command so that it runs as `user` and, on Linux, is killed by the kernel when this process
 * ends in whatever way: `bun test` runs no exit handlers, and nobody can handle SIGKILL. The command replaces the
 * launcher, so the pid stays its own.
 *
 * @param user Only root may name one.
 * @throws Error when `user` is named on a machine without `setpriv`.
 */
export function launcher(user?: string): string[] {
  const setpriv = process.platform === 'linux' ? Bun.which('setpriv') : null;
  if (setpriv === null) {
    if (user === undefined) return [];
    throw new Error(`cannot run a program as ${user}: setpriv (Debian package util-linux) is missing`);
  }
  const identity = user === undefined ? [] : ['--reuid', userId(user), '--regid', groupId(user), '--clear-groups'];
  return [setpriv, '--pdeathsig', 'KILL', ...identity, '--'];
}

/** The user that servers which refuse root are to run as: `undefined` unless this process is root. */
export function unprivilegedUser(): string | undefined {
  if (process.getuid?.() !== 0) return undefined;
  return ['postgres', 'nobody'].find((user) => ask('id', '-u', user) !== undefined);
}

/** The numeric id of a user of this machine. */
export const userId = (user: string): string => known(user, ask('id', '-u', user));

/** The numeric id of a user's own group. */
export const groupId = (user: string): string => known(user, ask('id', '-g', user));

function known(user: string, id: string | undefined): string {
  if (id === undefined) throw new Error(`this machine has no user ${user}`);
  return id;
}

function ask(...command: string[]): string | undefined {
  const { success, stdout } = Bun.spawnSync(command, { stderr: 'ignore' });
  return success ? stdout.toString().trim() : undefined;
}
