import { type Child, spawnChild } from '../../tests/support/child.ts';

/** A server of a benchmark, in a process of its own. */
export interface SubjectProcess extends AsyncDisposable {
  /** Its address, without a slash at the end. */
  readonly url: string;
  readonly pid: number;
}

const START_MS = 20_000;

/**
 * Starts a program that prints `listening <url>` once it listens.
 * @param script An absolute path.
 */
export async function startSubject(script: string, args: readonly string[] = []): Promise<SubjectProcess> {
  const child: Child = spawnChild({
    name: script,
    command: [process.execPath, script, ...args],
    env: { ...process.env, NODE_ENV: 'production' },
  });
  const [, url] = await child.ready(/^listening (\S+)$/m, START_MS).catch(async (error: Error) => {
    await child.kill();
    throw error;
  });
  return {
    url: url ?? '',
    pid: child.pid,
    async [Symbol.asyncDispose]() {
      await child.stop();
    },
  };
}
